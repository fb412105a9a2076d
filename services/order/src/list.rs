//! Reading orders.

use service_common::failure::Failure;

use crate::order::{Order, State};
use crate::orders::Orders;
use crate::payment::not_found;
use crate::store::{self, Listed};

/// A page of orders, and where the next one begins.
#[derive(Clone, Debug)]
pub struct Page {
    /// The newest first.
    pub orders: Vec<Order>,
    /// The id after which the next page begins; `None` on the last one.
    pub next: Option<String>,
}

impl Orders {
    /// An order, if `may` lets the caller see it.
    ///
    /// # Errors
    /// `not_found`, also where it is another's; or the database failed.
    pub async fn get(&self, id: &str, may: impl FnOnce(&Order) -> bool) -> Result<Order, Failure> {
        let order = store::get(&self.shared.database, id).await?;
        order.filter(may).ok_or_else(not_found)
    }

    /// Orders of a user, or of all, the newest first.
    ///
    /// # Errors
    /// The database failed.
    pub async fn list(
        &self,
        user_id: Option<&str>,
        state: Option<State>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, Failure> {
        let listed = Listed {
            user_id,
            state,
            before: after,
            // One more, to know whether there is another page.
            limit: i64::try_from(limit + 1).unwrap_or(i64::MAX),
        };
        let mut orders = store::list(&self.shared.database, &listed).await?;
        let has_more = orders.len() > limit;
        orders.truncate(limit);
        let next = orders.last().filter(|_| has_more).map(|order| order.id.clone());
        Ok(Page { orders, next })
    }
}
