//! A small catalogue to begin with, with pictures.

mod drawings;

use futures::{StreamExt, TryStreamExt, stream};
use service_common::failure::{Code, Failure};
use weir_proto::Money;

use crate::catalogue::Products;
use crate::images::Images;
use crate::product::{Change, Currency, Details, Price};

/// Pictures that are drawn and stored at a time.
const AT_ONCE: usize = 4;

/// What a product of the small catalogue is.
struct Seed {
    id: &'static str,
    name: &'static str,
    category: &'static str,
    /// In cents of a dollar.
    price: i64,
    stock: i64,
    description: &'static str,
}

const fn product(
    id: &'static str,
    name: &'static str,
    category: &'static str,
    price: i64,
    stock: i64,
    description: &'static str,
) -> Seed {
    Seed {
        id,
        name,
        category,
        price,
        stock,
        description,
    }
}

/// The bestsellers first. There is enough of everything for days of automatic orders.
#[rustfmt::skip]
const PRODUCTS: [Seed; 24] = [
    product("kb-1", "Compact keyboard", "keyboards", 6_495, 400_000, "75 % layout, quiet scissor keys, USB-C and Bluetooth."),
    product("kb-2", "Mechanical keyboard", "keyboards", 12_990, 250_000, "Full size, hot-swappable tactile switches, aluminium plate."),
    product("kb-3", "Split keyboard", "keyboards", 21_900, 90_000, "Two halves that can be tented, for wrists that have had enough."),
    product("ms-1", "Wireless mouse", "mice", 2_990, 500_000, "Silent buttons, 4,000 dpi, a year on one AA cell."),
    product("ms-2", "Vertical mouse", "mice", 4_490, 200_000, "Holds the hand as in a handshake; six buttons."),
    product("mp-1", "Desk mat", "mice", 2_250, 350_000, "Wool felt, 90 × 40 cm, with a cork underside that does not slip."),
    product("mn-1", "24-inch monitor", "monitors", 14_900, 150_000, "1920 × 1200 IPS, height adjustable, 75 Hz."),
    product("mn-2", "27-inch monitor", "monitors", 27_900, 120_000, "2560 × 1440 IPS, charges a laptop with 65 W by USB-C."),
    product("mn-3", "Monitor arm", "monitors", 7_900, 160_000, "Gas spring for 2 to 9 kg, clamps to desks of up to 8 cm."),
    product("ac-1", "USB-C cable, 1 m", "cables and power", 990, 900_000, "Braided, 100 W, 10 Gbit/s."),
    product("ac-2", "USB-C hub", "cables and power", 3_995, 300_000, "HDMI, two USB-A, card reader and gigabit Ethernet."),
    product("ac-3", "65 W charger", "cables and power", 3_490, 400_000, "Two USB-C and one USB-A port, no larger than a matchbox."),
    product("ac-4", "Power bank", "cables and power", 2_750, 300_000, "20,000 mAh, may be taken on planes."),
    product("au-1", "Wireless earbuds", "audio", 4_900, 350_000, "Noise cancelling, 8 h and three more charges in the case."),
    product("au-2", "Office headset", "audio", 8_990, 180_000, "Boom microphone that mutes when it is raised."),
    product("au-3", "USB microphone", "audio", 9_900, 110_000, "Cardioid condenser, with a stand and a pop filter."),
    product("cm-1", "HD webcam", "video", 5_990, 220_000, "1080p at 60 frames a second, with a shutter."),
    product("lt-1", "Desk lamp", "lighting", 4_400, 240_000, "Dims from candlelight to daylight; remembers where it was."),
    product("st-1", "SSD, 1 TB", "storage", 8_490, 260_000, "NVMe in a case for the pocket, 2,000 MB/s."),
    product("st-2", "Laptop stand", "ergonomics", 3_200, 280_000, "Folds flat, raises the screen by 15 cm."),
    product("ch-1", "Office chair", "ergonomics", 44_900, 60_000, "Mesh back, seat depth and arms adjustable, for up to 130 kg."),
    product("bg-1", "Backpack, 15\"", "bags", 6_900, 190_000, "Water-repellent, 22 l, opens flat at security."),
    product("dr-1", "Enamel mug", "kitchen", 1_180, 600_000, "350 ml; survives every meeting. Café crème not included."),
    product("nb-1", "Notebook A5", "paper", 420, 800_000, "Dotted, 192 numbered pages that lie flat."),
];

/// Puts the small catalogue, its pictures and its stock in, where they are missing. What was changed since then stays as it
/// is.
///
/// # Errors
/// A store failed.
pub async fn seed(products: &Products, images: &Images) -> Result<(), Failure> {
    let mut without = Vec::new();
    for seed in &PRODUCTS {
        let product = match products.get(seed.id).await {
            Err(failure) if failure.code == Code::NotFound => products.put(&seed.details()?).await?,
            found => found?,
        };
        // Its stock comes last: where there is some, what has no picture has none because somebody wants it so.
        if product.image.is_none() && product.stock == 0 {
            without.push(seed.id);
        }
    }
    let illustrated = stream::iter(without).map(|id| illustrate(images, id));
    illustrated.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    for seed in &PRODUCTS {
        let stock = Change {
            id: format!("seed-{}", seed.id),
            product_id: seed.id.to_owned(),
            change: seed.stock,
        };
        products.add_stock(&stock).await?;
    }
    Ok(())
}

async fn illustrate(images: &Images, id: &'static str) -> Result<(), Failure> {
    let drawn = tokio::task::spawn_blocking(move || drawings::of(id).picture()).await;
    let picture = drawn.map_err(Failure::internal)?.map_err(Failure::internal)?;
    images.give(id, picture).await?;
    Ok(())
}

impl Seed {
    fn details(&self) -> Result<Details, Failure> {
        let amount = Money::from_minor(self.price);
        let currency: Currency = "USD".parse().map_err(Failure::internal)?;
        Ok(Details {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            description: self.description.to_owned(),
            category: self.category.to_owned(),
            price: Price {
                amount: amount
                    .ok_or_else(|| Failure::internal("a price of the first catalogue is negative"))?,
                currency,
            },
        })
    }
}
