//! Several records at once: partitions beside each other, the records of a partition one after the other.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::desk::Desk;
use crate::record::Record;
use crate::trouble::Trouble;

/// What became of the records of a partition.
#[derive(Debug)]
pub struct Progress {
    /// How many of them are done with, from the first on.
    pub handled: usize,
    /// All of them.
    pub records: Vec<Record>,
    /// What the first that is not done with waits for.
    pub trouble: Option<Trouble>,
}

impl Progress {
    /// Those that are not done with: the first waits for something, the others for the first.
    #[must_use]
    pub fn left(&self) -> &[Record] {
        &self.records[self.handled..]
    }
}

/// Handles records; begins with none after `until`. Whatever is not done with can be handed in again.
pub async fn handle(desk: &Desk, records: Vec<Record>, until: Option<Instant>) -> Vec<Progress> {
    let mut partitions: BTreeMap<(String, i32), Vec<Record>> = BTreeMap::new();
    for record in records {
        partitions
            .entry((record.topic.clone(), record.partition))
            .or_default()
            .push(record);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for (_, records) in partitions {
        let desk = desk.clone();
        tasks.spawn(async move {
            let mut progress = Progress {
                handled: 0,
                records,
                trouble: None,
            };
            for record in &progress.records {
                let done = match until {
                    Some(until) if Instant::now() >= until => Err(Trouble::new("time", "there is none left")),
                    _ => desk.handle(record).await,
                };
                match done {
                    Ok(_) => progress.handled += 1,
                    Err(trouble) => {
                        progress.trouble = Some(trouble);
                        break;
                    }
                }
            }
            progress
        });
    }
    tasks.join_all().await
}
