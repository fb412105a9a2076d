//! Pictures of products: which file a product has, and what becomes of the others.

use std::collections::BTreeSet;
use std::pin::{Pin, pin};
use std::task::Poll;

use bytes::Bytes;
use product_service::{Image, Images, Start, seed};
use service_common::failure::Code;
use service_common::files::Files;
use test_support::buckets::Bucket;
use test_support::databases::on_each_database;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::shop::Shop;

/// A picture, drawn for the tests.
pub(crate) const PICTURE: &[u8] = include_bytes!("../../src/picture/fixtures/rgb.png");
const ANOTHER: &[u8] = include_bytes!("../../src/picture/fixtures/baseline.jpg");

/// A catalogue with pictures in a folder.
struct Gallery {
    shop: Shop,
    images: Images,
    folder: tempfile::TempDir,
}

impl Gallery {
    async fn open(url: &str) -> Gallery {
        let shop = Shop::open(url).await;
        let folder = tempfile::tempdir().unwrap();
        let files = Files::open(folder.path().to_str().unwrap()).unwrap();
        Gallery {
            images: Images::new(shop.database.clone(), files),
            shop,
            folder,
        }
    }

    /// All files there are, by their paths in the folder.
    fn files(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for product in std::fs::read_dir(self.folder.path()).unwrap() {
            let product = product.unwrap().path();
            for file in std::fs::read_dir(&product).unwrap() {
                let path = file.unwrap().path();
                let path = path.strip_prefix(self.folder.path()).unwrap();
                found.insert(path.to_str().unwrap().to_owned());
            }
        }
        found
    }

    /// The files that products have.
    async fn referred_to(&self) -> BTreeSet<String> {
        let page = self.shop.products.list(Start::Skip(0), 100).await.unwrap();
        let of = |product: product_service::Product| {
            Some(format!("{}/{}.png", product.details.id, product.image?))
        };
        page.products.into_iter().filter_map(of).collect()
    }

    async fn let_time_pass(&self) {
        let mut transaction = self.shop.database.begin().await.unwrap();
        sqlx::query("UPDATE unused_files SET remove_at_ms = 0")
            .execute(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    }

    /// Files that are noted as unused.
    async fn announced(&self) -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM unused_files")
            .fetch_one(self.shop.database.pool())
            .await
            .unwrap()
    }

    async fn put(&self, id: &str, file: &'static [u8]) -> String {
        let put = self.images.put(id, Bytes::from_static(file)).await.unwrap();
        put.image.unwrap()
    }

    async fn content(&self, id: &str) -> Bytes {
        match self.images.get(id, &[]).await.unwrap() {
            Image::Found { content, .. } => content,
            Image::Known { .. } => panic!("nothing is known"),
        }
    }
}

#[test]
fn a_picture_is_there_until_it_is_replaced_or_taken_away() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        assert_eq!(gallery.shop.has("kb-1", 3).await.image, None);
        let missing = gallery.images.get("kb-1", &[]).await.unwrap_err();
        assert_eq!(missing.code, Code::NotFound);

        let first = gallery.put("kb-1", PICTURE).await;
        let content = gallery.content("kb-1").await;
        assert!(content.starts_with(b"\x89PNG"));
        let known = gallery
            .images
            .get("kb-1", &["img_0".to_owned(), first.clone()])
            .await;
        assert_eq!(known, Ok(Image::Known { id: first.clone() }));
        assert_eq!(
            gallery.shop.products.get("kb-1").await.unwrap().image,
            Some(first.clone())
        );

        let second = gallery.put("kb-1", ANOTHER).await;
        assert_ne!(first, second);
        assert_ne!(gallery.content("kb-1").await, content);
        // Whoever has just read of the first one may still fetch it.
        assert_eq!(gallery.files().len(), 2);
        gallery.let_time_pass().await;
        assert_eq!(gallery.images.remove_unused().await, Ok(1));
        assert_eq!(gallery.files(), gallery.referred_to().await);

        assert_eq!(gallery.images.remove("kb-1").await.unwrap().image, None);
        assert_eq!(gallery.images.remove("kb-1").await.unwrap().image, None);
        let gone = gallery.images.get("kb-1", &[]).await.unwrap_err();
        assert_eq!(gone.code, Code::NotFound);
        gallery.let_time_pass().await;
        assert_eq!(gallery.images.remove_unused().await, Ok(1));
        assert_eq!(gallery.images.remove_unused().await, Ok(0));
        assert_eq!(gallery.files(), BTreeSet::new());
        assert_eq!(gallery.shop.stock("kb-1").await, 3);
    });
}

#[test]
fn a_file_that_cannot_be_removed_keeps_no_other_one() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        gallery.shop.has("kb-1", 3).await;
        gallery.shop.has("kb-2", 3).await;
        let first = gallery.put("kb-1", PICTURE).await;
        gallery.put("kb-2", PICTURE).await;
        gallery.images.remove("kb-1").await.unwrap();
        gallery.images.remove("kb-2").await.unwrap();
        // No store removes a folder as if it were a file.
        let stuck = gallery.folder.path().join("kb-1").join(format!("{first}.png"));
        std::fs::remove_file(&stuck).unwrap();
        std::fs::create_dir(&stuck).unwrap();
        gallery.let_time_pass().await;
        assert!(gallery.images.remove_unused().await.is_err());
        assert_eq!(gallery.announced().await, 1);
        std::fs::remove_dir(&stuck).unwrap();
        gallery.images.remove_unused().await.unwrap();
        assert_eq!(gallery.announced().await, 0);
    });
}

#[test]
fn what_is_no_picture_changes_nothing() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        gallery.shop.has("kb-1", 0).await;
        let first = gallery.put("kb-1", PICTURE).await;
        for file in [&b""[..], b"<svg/>", &PICTURE[..100]] {
            let refused = gallery
                .images
                .put("kb-1", Bytes::copy_from_slice(file))
                .await
                .unwrap_err();
            assert_eq!(
                (refused.code, &*refused.fields[0].field),
                (Code::Invalid, "image")
            );
        }
        let nobody = gallery.images.put("kb-2", Bytes::from_static(PICTURE)).await;
        assert_eq!(nobody.unwrap_err().code, Code::NotFound);
        assert_eq!(
            gallery.images.remove("kb-2").await.unwrap_err().code,
            Code::NotFound
        );
        assert_eq!(
            gallery.shop.products.get("kb-1").await.unwrap().image,
            Some(first)
        );
        assert_eq!(gallery.files().len(), 1);
    });
}

#[test]
fn of_many_who_put_a_picture_at_once_one_wins_and_no_file_is_left_over() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        gallery.shop.has("kb-1", 0).await;
        gallery.shop.has("kb-2", 0).await;
        let puts = (0..12).map(|n| {
            let images = gallery.images.clone();
            let (id, file) = (["kb-1", "kb-2"][n % 2], [PICTURE, ANOTHER][n % 3 % 2]);
            tokio::spawn(async move {
                if n == 7 {
                    return images.remove(id).await;
                }
                images.put(id, Bytes::from_static(file)).await
            })
        });
        for put in futures::future::join_all(puts).await {
            // Too many at once for a machine that is busy.
            if let Err(failure) = put.unwrap() {
                assert_eq!(failure.code, Code::Overloaded);
            }
        }
        gallery.let_time_pass().await;
        gallery.images.remove_unused().await.unwrap();
        assert_eq!(gallery.files(), gallery.referred_to().await);
    });
}

/// A call may end anywhere: its future is dropped after so many looks at it.
#[test]
fn wherever_a_call_ends_no_product_refers_to_nothing_and_no_file_is_forgotten() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        gallery.shop.has("kb-1", 0).await;
        gallery.put("kb-1", PICTURE).await;
        let mut ended = 0;
        for looks in 1.. {
            let put = gallery.images.put("kb-1", Bytes::from_static(ANOTHER));
            if let Some(put) = for_so_many_looks(pin!(put), looks).await {
                put.unwrap();
                break;
            }
            ended += 1;
            gallery.content("kb-1").await;
            assert!(gallery.referred_to().await.is_subset(&gallery.files()));
        }
        assert!(ended > 3, "{ended}");
        gallery.let_time_pass().await;
        gallery.images.remove_unused().await.unwrap();
        gallery.content("kb-1").await;
        assert_eq!(gallery.referred_to().await.len(), 1);
        assert!(gallery.referred_to().await.is_subset(&gallery.files()));
        assert_eq!(gallery.images.remove_unused().await, Ok(0));
    });
}

/// One who is so slow that the sweeper takes the file for a left-over does not get it any more.
#[test]
fn a_file_that_was_removed_meanwhile_is_nobodys() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        gallery.shop.has("kb-1", 0).await;
        let bucket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let settings = [
            ("AWS_ENDPOINT", format!("http://{}", bucket.local_addr().unwrap())),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "weir".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "weir".to_owned()),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value));
        let files = Files::open_with("s3://slow", &settings).unwrap();
        let images = Images::new(gallery.shop.database.clone(), files);
        let put = images.put("kb-1", Bytes::from_static(PICTURE));
        let meanwhile = async {
            let (mut connection, _) = bucket.accept().await.unwrap();
            // The file is on its way, so it is announced.
            gallery.let_time_pass().await;
            assert_eq!(gallery.images.remove_unused().await, Ok(1));
            let answer = b"HTTP/1.1 200 OK\r\netag: \"1\"\r\ncontent-length: 0\r\n\r\n";
            connection.write_all(answer).await.unwrap();
            // The rest of the file is taken, and the connection stays open.
            tokio::io::copy(&mut connection, &mut tokio::io::sink())
                .await
                .unwrap();
            std::future::pending::<()>().await;
        };
        let put = tokio::select! {
            put = put => put,
            () = meanwhile => unreachable!(),
        };
        assert_eq!(put.unwrap_err().code, Code::Timeout);
        assert_eq!(gallery.referred_to().await, BTreeSet::new());
    });
}

async fn for_so_many_looks<T>(mut future: Pin<&mut impl Future<Output = T>>, looks: usize) -> Option<T> {
    let mut left = looks;
    std::future::poll_fn(|context| {
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// On a real server that speaks S3 or the XML API of Google Cloud Storage.
async fn a_picture_in_a_bucket(url: &str, bucket: &Bucket) {
    let shop = Shop::open(url).await;
    let files = Files::open_with(&bucket.url, &bucket.settings).unwrap();
    let images = Images::new(shop.database.clone(), files);
    shop.has("a:b.c", 0).await;
    let put = async |file: &'static [u8]| {
        let product = images.put("a:b.c", Bytes::from_static(file)).await.unwrap();
        product.image.unwrap()
    };
    let (first, second) = (put(PICTURE).await, put(ANOTHER).await);
    let found = images.get("a:b.c", &[first]).await.unwrap();
    let is_second =
        matches!(&found, Image::Found { id, content } if *id == second && content.starts_with(b"\x89PNG"));
    assert!(is_second, "{found:?}");
    images.remove("a:b.c").await.unwrap();
    let mut transaction = shop.database.begin().await.unwrap();
    sqlx::query("UPDATE unused_files SET remove_at_ms = 0")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(images.remove_unused().await, Ok(2));
}

#[test]
fn a_picture_lies_in_s3_as_well() {
    let Some(bucket) = Bucket::s3() else { return };
    on_each_database(async |url| a_picture_in_a_bucket(&url, &bucket).await);
}

#[test]
fn a_picture_lies_in_google_cloud_storage_as_well() {
    let Some(bucket) = Bucket::gcs() else { return };
    on_each_database(async |url| a_picture_in_a_bucket(&url, &bucket).await);
}

/// Whoever cannot store the picture changes nothing: the product keeps the one it has.
#[test]
fn a_store_that_is_away_leaves_every_product_its_picture() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        gallery.shop.has("kb-1", 0).await;
        let first = gallery.put("kb-1", PICTURE).await;
        // Port 9 of loopback.
        let settings = [
            ("AWS_ENDPOINT", "https://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let away = Files::open_with("s3://bucket/x", &settings).unwrap();
        let images = Images::new(gallery.shop.database.clone(), away);
        let refused = images.put("kb-1", Bytes::from_static(ANOTHER)).await.unwrap_err();
        assert_eq!(refused.code, Code::Unavailable);
        let product = gallery.shop.products.get("kb-1").await.unwrap();
        assert_eq!(product.image, Some(first));
        gallery.content("kb-1").await;
        // The name that was announced is forgotten once the store is back.
        gallery.let_time_pass().await;
        assert_eq!(images.remove_unused().await.unwrap_err().code, Code::Unavailable);
        assert_eq!(gallery.images.remove_unused().await, Ok(1));
        assert_eq!(gallery.announced().await, 0);
    });
}

#[test]
fn every_product_of_the_small_catalogue_has_a_picture_of_its_own_and_none_that_was_taken_away_comes_back() {
    on_each_database(async |url| {
        let gallery = Gallery::open(&url).await;
        seed(&gallery.shop.products, &gallery.images).await.unwrap();
        assert_eq!(gallery.files().len(), 24);
        assert_eq!(gallery.files(), gallery.referred_to().await);
        let mut contents = BTreeSet::new();
        for name in gallery.files() {
            let content = std::fs::read(gallery.folder.path().join(&name)).unwrap();
            assert!(content.len() < 64 * 1024, "{name}: {}", content.len());
            assert!(contents.insert(content), "{name} looks like another");
        }
        gallery.images.remove("kb-1").await.unwrap();
        let before = gallery.referred_to().await;
        seed(&gallery.shop.products, &gallery.images).await.unwrap();
        assert_eq!(gallery.referred_to().await, before);
    });
}
