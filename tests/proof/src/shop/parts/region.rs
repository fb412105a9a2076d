//! The loss of everything at once, and the shop in another region.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};
use test_support::patience::until;
use test_support::postgres_process::PostgresProcess;

use super::{Part, Shop};

/// How long the relays may take to publish what waits.
const PATIENCE: Duration = Duration::from_secs(120);
/// The schemas of the services that publish.
const OUTBOXES: [&str; 3] = ["user_service", "order_service", "payment_service"];
/// The service that clients reach.
const GATEWAY: &str = "gateway";

impl Shop {
    /// A replica of the database in another region.
    ///
    /// # Errors
    /// There is no PostgreSQL, or the replica does not come up.
    pub(in crate::shop) fn replica(&self) -> Result<PostgresProcess> {
        self.database
            .as_ref()
            .context("there is no PostgreSQL")?
            .replica()
    }

    /// The topics that another region needs: the others follow from them.
    pub(in crate::shop) fn sources(&self) -> [&str; 2] {
        [&self.job.topics.orders, &self.settings.notifications]
    }

    /// The ids of the orders' events, as the database knows them.
    ///
    /// # Errors
    /// It cannot be read.
    pub(in crate::shop) fn events(&self) -> Result<BTreeSet<String>> {
        let database = self.database.as_ref().context("there is no PostgreSQL")?;
        crate::block_on(known(&database.url()))
    }

    /// SIGKILL to everything, the database first: so it takes in nothing that the rest still says.
    ///
    /// # Errors
    /// Something had ended by itself.
    pub(in crate::shop) fn kill_all(&mut self) -> Result<()> {
        self.kill(Part::Database)?;
        for part in self.parts() {
            if part != Part::Database {
                self.kill(part)?;
            }
        }
        Ok(())
    }

    /// Steps 3 to 6 of the loss of a region in docs/disaster-recovery.md, on a database that was promoted and the cluster
    /// that was mirrored into. The files of the shop are taken to be there, and the clients' address to lead there.
    ///
    /// # Errors
    /// A step fails.
    pub(in crate::shop) fn begin_again(&mut self, database: PostgresProcess, bootstrap: &str) -> Result<()> {
        let url = database.url();
        self.settings.postgres = Some(url.clone());
        self.database = Some(database);
        bootstrap.clone_into(&mut self.settings.bootstrap);
        bootstrap.clone_into(&mut self.bootstrap);
        sqlx::any::install_default_drivers();
        crate::block_on(publish_again(&url))?;

        self.services = self.settings.services()?;
        let inner = self.services.iter_mut().filter(|service| service.name != GATEWAY);
        let mut inner: Vec<_> = inner.collect();
        inner.iter_mut().try_for_each(|service| service.start())?;
        inner.iter_mut().try_for_each(|service| service.await_serving())?;
        until("the outboxes are empty", PATIENCE, || {
            Ok((crate::block_on(waiting(&url))? == 0).then_some(()))
        })?;

        self.job.id.push_str("-two");
        bootstrap.clone_into(&mut self.job.bootstrap);
        self.job.topics.progress = format!("{}-progress", self.job.id);
        self.job.parquet = self.folder.path().join("parquet-two");
        // The gateway comes last of all.
        self.running_job = Some(self.job.follow()?);
        self.all_up()
    }
}

/// The ids of all events that its services know.
async fn known(url: &str) -> Result<BTreeSet<String>> {
    let mut database = AnyConnection::connect(url).await?;
    let sql = "SELECT id FROM order_service.outbox_events";
    let ids = sqlx::query_scalar(sql).fetch_all(&mut database).await?;
    database.close().await?;
    Ok(ids.into_iter().collect())
}

/// What the lost cluster had may not have reached this one: the relays send again all that the outboxes still hold.
async fn publish_again(url: &str) -> Result<()> {
    let mut database = AnyConnection::connect(url).await?;
    for outbox in OUTBOXES {
        let sql = format!("UPDATE {outbox}.outbox_events SET pending = 1 WHERE pending = 0");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut database).await?;
    }
    Ok(database.close().await?)
}

/// How many events wait to be published.
async fn waiting(url: &str) -> Result<i64> {
    let mut database = AnyConnection::connect(url).await?;
    let mut all = 0;
    for outbox in OUTBOXES {
        let sql = format!("SELECT COUNT(*) FROM {outbox}.outbox_events WHERE pending = 1");
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
            .fetch_one(&mut database)
            .await?;
        all += count;
    }
    database.close().await?;
    Ok(all)
}
