//! What a broker finds when it starts on a folder that was used before.

use std::fs::OpenOptions;
use std::io::Write;

use rdkafka::producer::Producer;
use weir_broker::{BrokerError, Config};

use crate::clients::{Own, WAIT, files, numbers, producer, send, topic, values_of};

#[test]
fn many_segments_are_read_across_and_again_after_a_restart() {
    let mut own = Own::start();
    topic(&own.address(), "t", 1, &[("segment.bytes", "10000")]);
    let sender = producer(own.client());
    for n in 0..50 {
        send(&sender, "t", 0, n * 100..n * 100 + 100);
    }
    let segments = files(own.folder.path(), ".log").len();
    assert!(segments > 5, "{segments}");
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..5_000));
    own.restart();
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..5_000));
}

#[test]
fn a_torn_tail_is_cut_and_the_log_goes_on_behind_it() {
    for tail in [vec![0_u8; 100], vec![0xff; 61], vec![7; 5_000]] {
        let mut own = Own::start();
        own.topic("t", 1);
        send(&producer(own.client()), "t", 0, 0..100);
        own.restart();
        send(&producer(own.client()), "t", 0, 100..200);
        let (log, size) = files(own.folder.path(), ".log").remove(0);
        own.stop();
        OpenOptions::new()
            .append(true)
            .open(&log)
            .unwrap()
            .write_all(&tail)
            .unwrap();
        own.begin();
        assert_eq!(log.metadata().unwrap().len(), size);
        send(&producer(own.client()), "t", 0, 200..300);
        assert_eq!(values_of(own.client(), "t", 0), numbers(0..300));
    }
}

#[test]
fn lost_or_broken_checkpoints_only_cost_time() {
    let mut own = Own::start();
    topic(&own.address(), "t", 1, &[("segment.bytes", "10000")]);
    let sender = producer(own.client());
    (0..30).for_each(|n| send(&sender, "t", 0, n * 100..n * 100 + 100));
    own.stop();
    for (nth, (index, _)) in files(own.folder.path(), ".index").into_iter().enumerate() {
        match nth % 3 {
            0 => std::fs::remove_file(index).unwrap(),
            1 => std::fs::write(index, b"nonsense").unwrap(),
            _ => {}
        }
    }
    own.begin();
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..3_000));
}

#[test]
fn a_batch_cut_in_the_middle_is_gone_and_those_before_it_are_there() {
    let mut own = Own::start();
    own.topic("t", 1);
    let sender = producer(own.client());
    send(&sender, "t", 0, 0..10);
    let (_, whole) = files(own.folder.path(), ".log").remove(0);
    send(&sender, "t", 0, 10..20);
    drop(sender);
    let (log, _) = files(own.folder.path(), ".log").remove(0);
    own.stop();
    // As if the process had died in the middle of the second write: no checkpoint says otherwise.
    files(own.folder.path(), ".index")
        .into_iter()
        .for_each(|(index, _)| std::fs::remove_file(index).unwrap());
    OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(whole + 30)
        .unwrap();
    own.begin();
    assert_eq!(log.metadata().unwrap().len(), whole);
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..10));
}

#[test]
fn an_idempotent_producer_goes_on_over_a_restart_without_gap_or_copy() {
    let mut own = Own::start();
    own.topic("t", 1);
    let mut config = own.client();
    config.set("enable.idempotence", "true");
    let sender = producer(config);
    for n in 0..5 {
        for value in n * 100..n * 100 + 100 {
            let value = value.to_string();
            let record = rdkafka::producer::BaseRecord::<str, str>::to("t")
                .partition(0)
                .payload(&value);
            sender.send(record).map_err(|(error, _)| error).unwrap();
        }
        // Some are on their way while the broker goes.
        own.restart();
    }
    sender.flush(WAIT).unwrap();
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..500));
}

#[test]
fn a_second_broker_on_the_same_folder_is_refused() {
    let own = Own::start();
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: own.folder.path().into(),
        ..Config::default()
    };
    let refused = own.run(weir_broker::start(config)).unwrap_err();
    assert!(matches!(refused, BrokerError::InUse { .. }), "{refused}");
}

#[test]
fn a_port_in_use_or_a_folder_that_cannot_be_is_said() {
    let own = Own::start();
    let folder = tempfile::tempdir().unwrap();
    let listen = own.address().parse().unwrap();
    let config = Config {
        listen,
        data_dir: folder.path().into(),
        ..Config::default()
    };
    let refused = own.run(weir_broker::start(config)).unwrap_err().to_string();
    assert!(refused.contains("cannot listen on 127.0.0.1"), "{refused}");

    let file = folder.path().join("file");
    std::fs::write(&file, b"").unwrap();
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: file,
        ..Config::default()
    };
    let refused = own.run(weir_broker::start(config)).unwrap_err().to_string();
    assert!(refused.contains("cannot use data folder"), "{refused}");
}

#[test]
fn with_fsync_everything_works_as_without() {
    let mut own = Own::with(|config| config.fsync = true);
    topic(&own.address(), "t", 1, &[("segment.bytes", "5000")]);
    let sender = crate::transactions::transactional(own.client(), "id");
    for n in 0..10 {
        sender.begin_transaction().unwrap();
        send(&sender, "t", 0, n * 100..n * 100 + 100);
        sender.commit_transaction(WAIT).unwrap();
    }
    drop(sender);
    own.restart();
    assert_eq!(values_of(own.client(), "t", 0), numbers(0..1_000));
}

#[test]
fn folders_that_the_journal_does_not_know_are_set_aside_and_deleted_topics_are_not() {
    let mut own = Own::start();
    own.topic("kept", 1);
    own.topic("gone", 1);
    send(&producer(own.client()), "kept", 0, 0..10);
    let deleted = own.folder.path().join("topics/gone.1");
    assert!(deleted.is_dir());
    crate::clients::wait_for(
        crate::clients::admin(&own.address()).delete_topics(&["gone"], &rdkafka::admin::AdminOptions::new()),
    )
    .unwrap();
    own.stop();
    // As if the process had died before the files of the deleted topic were gone.
    std::fs::create_dir_all(&deleted).unwrap();
    own.begin();
    assert!(!deleted.exists());
    assert_eq!(values_of(own.client(), "kept", 0), numbers(0..10));
    own.stop();
    std::fs::remove_file(own.folder.path().join("journal")).unwrap();
    let records = |folder: &str| files(&own.folder.path().join("topics").join(folder), ".log");
    let before: Vec<u64> = records("kept.0").into_iter().map(|(_, size)| size).collect();
    let after = |own: &Own| -> Vec<u64> {
        let aside = own.folder.path().join("topics/kept.0.lost");
        files(&aside, ".log").into_iter().map(|(_, size)| size).collect()
    };
    own.begin();
    assert_eq!(after(&own), before);
    own.topic("kept", 1);
    assert!(values_of(own.client(), "kept", 0).is_empty());
}

#[test]
fn a_journal_that_cannot_be_read_is_a_start_error_and_nothing_is_deleted() {
    let mut own = Own::start();
    own.topic("t", 1);
    own.topic("u", 1);
    own.stop();
    let journal = own.folder.path().join("journal");
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&journal, &bytes).unwrap();
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data_dir: own.folder.path().into(),
        ..Config::default()
    };
    let refused = own.run(weir_broker::start(config)).unwrap_err().to_string();
    assert!(refused.contains("cannot be read from byte 0 on"), "{refused}");
    assert_eq!(std::fs::read(&journal).unwrap(), bytes);
    assert!(own.folder.path().join("topics/t.0").is_dir());
}
