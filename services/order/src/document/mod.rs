//! The document of an order: the invoice of one that is paid, the credit note of one that was called off after that.
//!
//! It is made of what the order's row says when it is first asked for, and kept in the file store; from then on it is what
//! lies there, whatever a later version would make of it. An order that is called off gets another document, its invoice
//! stays as it was. It is a page of HTML that needs nothing beside it: every script and language of names and addresses can
//! be read in it, which a PDF can only with fonts of megabytes, and any browser prints it or makes a PDF of it.

mod escape;
mod page;

use bytes::Bytes;
use service_common::database::Database;
use service_common::failure::{Code, Failure};
use service_common::files::{FileName, Files};

use crate::order::{Order, State};
use crate::payment::not_found;
use crate::store;

/// The documents of all orders. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Documents {
    database: Database,
    files: Files,
    seller: String,
}

/// A document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// As which it is saved: `invoice-ord_0198.html`.
    pub name: String,
    /// The page.
    pub content: Bytes,
}

/// What kind of document an order has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It was paid.
    Invoice,
    /// It was paid, and called off.
    CreditNote,
}

impl Document {
    /// The type of its content.
    pub const CONTENT_TYPE: &str = "text/html; charset=utf-8";
}

impl Documents {
    /// Of the orders in this database, in this store, in the name of this seller.
    #[must_use]
    pub fn new(database: Database, files: Files, seller: String) -> Documents {
        Documents {
            database,
            files,
            seller,
        }
    }

    /// The document of an order, if `may` lets the caller see it.
    ///
    /// # Errors
    /// `not_found`, also where the order is another's; `order_state` where it was never paid; or a store failed.
    pub async fn get(&self, id: &str, may: impl FnOnce(&Order) -> bool) -> Result<Document, Failure> {
        let order = store::get(&self.database, id).await?;
        let order = order.filter(may).ok_or_else(not_found)?;
        let kind = Kind::of(&order)?;
        let file = FileName::of([&order.id, kind.file()]);
        let content = match self.files.get(&file).await? {
            Some(content) => content,
            None => {
                let page = page::of(&order, kind, &self.seller)?;
                self.files.put_once(&file, page.into()).await?
            }
        };
        Ok(Document {
            name: format!("{}-{}.html", kind.word(), order.id),
            content,
        })
    }
}

impl Kind {
    fn of(order: &Order) -> Result<Kind, Failure> {
        let none = |detail| Err(Failure::new(Code::OrderState, detail));
        match (order.state, order.paid_at_ms) {
            (State::Paid | State::Confirmed, _) => Ok(Kind::Invoice),
            (State::Cancelled | State::Failed, Some(_)) => Ok(Kind::CreditNote),
            (State::Cancelled | State::Failed, None) => {
                none("the order ended before it was paid; it has no document")
            }
            (State::Pending | State::Reserved | State::Paying, _) => {
                none("the order has a document once it is paid")
            }
        }
    }

    /// Stored: it must never change.
    const fn file(self) -> &'static str {
        match self {
            Kind::Invoice => "invoice.html",
            Kind::CreditNote => "credit-note.html",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Kind::Invoice => "invoice",
            Kind::CreditNote => "credit-note",
        }
    }
}
