//! A broker that dies between a decision and its markers.

use super::*;
use crate::log::batch::{BatchHeader, sample};
use crate::topic_config::Overrides;

/// What a broker has when it has just started on the folder.
fn start(folder: &tempfile::TempDir) -> Transactions {
    let config = Arc::new(Config {
        data_dir: folder.path().into(),
        ..Config::default()
    });
    let journal = Arc::new(Journal::open(folder.path(), false, 1 << 20).unwrap());
    let topics = Arc::new(Topics::open(Arc::clone(&journal), Arc::clone(&config)).unwrap());
    Transactions::new(journal, topics, config)
}

#[test]
fn what_was_decided_before_a_crash_is_finished_at_the_next_start() {
    for (prepared, ended) in [
        (TxnState::PrepareCommit, TxnState::CompleteCommit),
        (TxnState::PrepareAbort, TxnState::CompleteAbort),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let before = start(&folder);
        before.topics.create("t", 1, Overrides::new(), false).unwrap();
        let owner = before.init(Some("id"), 60_000, None).unwrap();
        let target = ("t".to_owned(), 0);
        before
            .add("id", owner, vec![target.clone()], vec!["g".into()])
            .unwrap();
        let committed = Committed {
            offset: 5,
            leader_epoch: 0,
            metadata: String::new(),
            at_ms: 1,
        };
        before
            .add_offsets("id", owner, "g", vec![(target.clone(), committed)])
            .unwrap();
        let (topic, partition) = before.topics.partition("t", 0).unwrap();
        let batch = sample::in_transaction((owner.producer_id, owner.epoch), 0, 3);
        let header = BatchHeader::parse(&batch).unwrap();
        before
            .while_open("id", owner, &target, || {
                partition.append(&batch, header, &topic.settings())
            })
            .unwrap();
        // The process dies after the decision and before the first marker.
        let mut record = before.record("id").unwrap();
        record.state = prepared;
        before.save("id", record).unwrap();
        drop((before, topic, partition));

        let after = start(&folder);
        assert_eq!(after.tend(now_ms()), None);
        assert_eq!(after.record("id").unwrap().state, ended);
        let (_, partition) = after.topics.partition("t", 0).unwrap();
        let bounds = partition
            .with_log(|log| Ok((log.last_stable(), log.end())))
            .unwrap();
        assert_eq!(bounds, (4, 4), "the marker stands behind the records");
        let offset = after
            .journal
            .read(|ledger| Some(ledger.groups.get("g")?.get(&target)?.offset));
        assert_eq!(offset, (ended == TxnState::CompleteCommit).then_some(5));
    }
}
