//! The pictures of products: files, to which the products' rows refer.
//!
//! A file has a name of its own and never changes. It is announced in the database, then put, then given to its product in
//! one transaction with the announcement's end; the file that the product had before is announced as unused in the same
//! transaction. So at whatever step a crash comes, no product refers to a file that is not there, and every file that no
//! product has stands in `unused_files`, from where the sweeper removes it.

use std::time::Duration;

use bytes::Bytes;
use service_common::database::{Database, Transaction};
use service_common::failure::{Code, Failure};
use service_common::files::{FileName, Files};
use service_common::ids::new_id;
use service_common::server::Stopping;
use service_common::workers::Workers;

use crate::catalogue::not_found;
use crate::picture::Picture;
use crate::product::Product;
use crate::store::{images, products};

/// How long one who puts a picture has from its announcement to its product: far beyond what any call may take.
const PUT_WITHIN_MS: i64 = 60 * 60 * 1_000;
/// How long a picture that was replaced stays for those who have just read that it is the product's.
const REPLACED_FOR_MS: i64 = 60 * 1_000;
/// How often files that nobody has are looked for.
const SWEEP: Duration = Duration::from_secs(30);
/// The most that are removed in one go.
const MOST_AT_ONCE: i64 = 100;

/// Pictures that are read at a time. Each may take what [`MOST_PIXELS_READ`](crate::picture::MOST_PIXELS_READ) says.
const PLACES: usize = 2;
/// How long a picture waits to be read.
const PATIENCE: Duration = Duration::from_secs(3);

/// The pictures of all products. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Images {
    database: Database,
    files: Files,
    workers: Workers,
}

/// A picture as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// The one that the caller knows already.
    Known {
        /// Its id.
        id: String,
    },
    /// Another one.
    Found {
        /// Its id: another picture has another one.
        id: String,
        /// The file.
        content: Bytes,
    },
}

impl Images {
    /// Of the products in this database, in this store.
    #[must_use]
    pub fn new(database: Database, files: Files) -> Images {
        Images {
            database,
            files,
            workers: Workers::new(PLACES, PATIENCE, "too many pictures are being read"),
        }
    }

    /// The picture of a product, unless it is one of those that the caller knows.
    ///
    /// # Errors
    /// `not_found` where there is no such product or it has none; or the store failed.
    pub async fn get(&self, product_id: &str, known: &[String]) -> Result<Image, Failure> {
        let mut missing = None;
        loop {
            let product = products::get(&self.database, product_id).await?;
            let id = product.ok_or_else(not_found)?.image.ok_or_else(no_image)?;
            if known.contains(&id) {
                return Ok(Image::Known { id });
            }
            if let Some(content) = self.files.get(&file(product_id, &id)).await? {
                return Ok(Image::Found { id, content });
            }
            // It was replaced, and removed, while it was being read; or somebody else has removed it.
            if missing.as_ref() == Some(&id) {
                return Err(Failure::internal(format!(
                    "the file of picture {id} is not there"
                )));
            }
            missing = Some(id);
        }
    }

    /// Makes a picture of a file that somebody sent, and gives it to a product.
    ///
    /// # Errors
    /// `invalid_request` where the file is no picture, `not_found`, `overloaded`, or the store failed.
    pub async fn put(&self, product_id: &str, sent: Bytes) -> Result<Product, Failure> {
        // Before anything is done for it.
        products::get(&self.database, product_id)
            .await?
            .ok_or_else(not_found)?;
        let picture = self.workers.run(move || Picture::read(&sent)).await?;
        let picture = picture.map_err(|error| Failure::field("image", error.to_string()))?;
        self.give(product_id, picture).await
    }

    /// Gives a picture of ours to a product.
    ///
    /// # Errors
    /// `not_found`, or the store failed.
    pub(crate) async fn give(&self, product_id: &str, picture: Picture) -> Result<Product, Failure> {
        let id = new_id("img");
        let name = file(product_id, &id);
        let mut transaction = self.database.begin().await?;
        images::announce(&mut transaction, &name, PUT_WITHIN_MS).await?;
        transaction.commit().await?;

        self.files.put(&name, picture.png().clone()).await?;

        let mut transaction = self.database.begin().await?;
        if !images::keep(&mut transaction, &name).await? {
            return Err(Failure::new(
                Code::Timeout,
                "the picture took too long to be stored",
            ));
        }
        let product = set(&mut transaction, product_id, Some(&id)).await?;
        transaction.commit().await?;
        Ok(product)
    }

    /// Takes the picture of a product away, if it has one.
    ///
    /// # Errors
    /// `not_found`, or the database failed.
    pub async fn remove(&self, product_id: &str) -> Result<Product, Failure> {
        let mut transaction = self.database.begin().await?;
        let product = set(&mut transaction, product_id, None).await?;
        transaction.commit().await?;
        Ok(product)
    }

    /// Removes files that no product has, now and again, until the end.
    pub(crate) async fn sweep(self, stopping: Stopping) {
        loop {
            if let Err(failure) = self.remove_unused().await {
                tracing::warn!(%failure, "files that no product has could not be removed; trying again");
            }
            tokio::select! {
                () = stopping.cancelled() => return,
                () = tokio::time::sleep(SWEEP) => {}
            }
        }
    }

    /// Removes files that no product has and whose time has come; gives how many there were.
    ///
    /// # Errors
    /// A store failed; what was not removed is removed the next time.
    pub async fn remove_unused(&self) -> Result<usize, Failure> {
        let names = images::take_unused(&self.database, MOST_AT_ONCE).await?;
        let mut trouble = None;
        for name in &names {
            match self.files.remove(&FileName::stored(name)).await {
                Ok(()) => images::forget(&self.database, name).await?,
                Err(failure) => {
                    // Those behind it are not to wait until somebody has looked at this one.
                    images::postpone(&self.database, name).await?;
                    trouble.get_or_insert(failure);
                }
            }
        }
        trouble.map_or(Ok(names.len()), Err)
    }
}

/// Where the picture of this id lies.
fn file(product_id: &str, image: &str) -> FileName {
    FileName::of([product_id, &format!("{image}.png")])
}

async fn set(
    transaction: &mut Transaction,
    product_id: &str,
    image: Option<&str>,
) -> Result<Product, Failure> {
    let replaced = images::replace(transaction, product_id, image).await?;
    let (product, before) = replaced.ok_or_else(not_found)?;
    if let Some(before) = before {
        images::announce(transaction, &file(product_id, &before), REPLACED_FOR_MS).await?;
    }
    Ok(product)
}

fn no_image() -> Failure {
    Failure::new(Code::NotFound, "this product has no picture")
}
