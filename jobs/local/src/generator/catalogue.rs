//! What the shop sells: a short list, the bestsellers first.

use super::random::Random;

/// A thing on sale.
#[derive(Debug)]
pub(crate) struct Product {
    /// Id as it stands in the orders.
    pub(crate) id: &'static str,
    /// Price of one in minor units.
    pub(crate) price: i64,
}

const fn product(id: &'static str, price: i64) -> Product {
    Product { id, price }
}

/// Sorted by how often it is bought.
const PRODUCTS: [Product; 36] = [
    product("cable-usbc-1m", 990),
    product("mouse-pad", 750),
    product("keyboard-compact", 6495),
    product("mouse-wireless", 2990),
    product("phone-case", 1499),
    product("charger-65w", 3490),
    product("earbuds", 4900),
    product("notebook-a5", 420),
    product("webcam-hd", 5990),
    product("hub-usbc", 3995),
    product("lamp-desk", 4400),
    product("headset-office", 8990),
    product("power-bank", 2750),
    product("backpack-15", 6900),
    product("mug-enamel", 1180),
    product("bottle-steel", 1890),
    product("stand-laptop", 3200),
    product("keyboard-mechanical", 12990),
    product("ssd-1tb", 8490),
    product("speaker-mini", 3740),
    product("headphones-over-ear", 19900),
    product("monitor-24", 14900),
    product("monitor-27", 27900),
    product("chair-mat", 5490),
    product("tablet-10", 32900),
    product("watch-sport", 21900),
    product("microphone-usb", 9900),
    product("router-mesh", 15990),
    product("arm-monitor", 7900),
    product("printer-laser", 18900),
    product("desk-frame", 38900),
    product("chair-office", 44900),
    product("camera-compact", 54900),
    product("phone-midrange", 39900),
    product("laptop-14", 114900),
    product("laptop-16", 189900),
];

/// A product as customers choose: the first of the list about ten times as often as the last.
pub(crate) fn choose(random: &mut Random) -> &'static Product {
    &PRODUCTS[random.rank(PRODUCTS.len() as u64, 4.0) as usize]
}
