//! Streams that are lost and go on, at this replica and at another one that has read the partitions in another order.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use analytics_service::board::{Board, Limits, Reader};
use analytics_service::history::Lost;
use analytics_service::position::{Mark, Position};
use futures::FutureExt;
use proptest::prelude::*;
use weir_proto::AnalyticsResult;

use crate::results::result;

fn board(events: usize) -> Board {
    Board::new(Limits {
        windows: NonZeroUsize::new(1_000).unwrap(),
        events: NonZeroUsize::new(events).unwrap(),
    })
}

/// A record of the topic: markers of transactions lie between.
fn mark(n: usize) -> Mark {
    let n = i64::try_from(n).unwrap();
    Mark {
        offset: n * 2,
        at_ms: 1_000 + n,
    }
}

/// Everything that there is for the reader now.
fn all_of(reader: &mut Reader) -> Result<Vec<AnalyticsResult>, Lost> {
    let mut all = Vec::new();
    while let Some(next) = reader.next().now_or_never() {
        all.push(next?);
    }
    Ok(all)
}

/// Two replicas of a topic of two partitions, each of which has read as much of them as the steps say. A partition's
/// windows are its own, so that what is news is the same at both.
struct Replicas {
    boards: [Board; 2],
    read: [[usize; 2]; 2],
}

impl Replicas {
    fn new() -> Replicas {
        Replicas {
            boards: [board(10_000), board(10_000)],
            read: [[0; 2]; 2],
        }
    }

    fn read(&mut self, replica: usize, partition: usize) {
        let n = &mut self.read[replica][partition];
        let (window, revision) = (*n / 3, *n % 3);
        let number = i64::try_from(window * 2 + partition).unwrap();
        let result = result(number, 1, 100, u32::try_from(revision).unwrap());
        self.boards[replica].publish(i32::try_from(partition).unwrap(), mark(*n), result);
        *n += 1;
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Read {
        replica: usize,
        partition: usize,
    },
    /// The client takes what there is.
    Take,
    /// The client loses its stream and goes on at a replica.
    GoOn {
        replica: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..2_usize, 0..2_usize).prop_map(|(replica, partition)| Step::Read { replica, partition }),
        2 => Just(Step::Take),
        1 => (0..2_usize).prop_map(|replica| Step::GoOn { replica }),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn a_stream_that_is_lost_again_and_again_has_neither_a_gap_nor_a_repeat(steps in steps()) {
        let mut replicas = Replicas::new();
        let mut reader = replicas.boards[0].reader_behind(Position::default()).unwrap();
        let mut seen = Vec::new();
        for step in steps {
            match step {
                Step::Read { replica, partition } => replicas.read(replica, partition),
                Step::Take => seen.extend(all_of(&mut reader).unwrap()),
                Step::GoOn { replica } => {
                    // As a client keeps it: a text.
                    let position: Position = reader.position().to_string().parse().unwrap();
                    match replicas.boards[replica].reader_behind(position) {
                        Ok(found) => reader = found,
                        // That one has not come so far: the client stays.
                        Err(lost) => prop_assert_eq!(lost, Lost::Ahead),
                    }
                }
            }
        }
        // In the end both have read everything.
        for partition in 0..2 {
            let most = replicas.read[0][partition].max(replicas.read[1][partition]);
            for replica in 0..2 {
                while replicas.read[replica][partition] < most {
                    replicas.read(replica, partition);
                }
            }
        }
        seen.extend(all_of(&mut reader).unwrap());
        let mut revisions = BTreeMap::<_, Vec<u32>>::new();
        for result in &seen {
            revisions.entry(result.window_start()).or_default().push(result.revision());
        }
        let told: usize = replicas.read[0].iter().sum();
        prop_assert_eq!(seen.len(), told);
        for revisions in revisions.values() {
            let expected: Vec<u32> = (0..u32::try_from(revisions.len()).unwrap()).collect();
            prop_assert_eq!(revisions, &expected);
        }
    }

    #[test]
    fn what_a_stream_can_go_on_from_is_what_is_held_and_the_one_before(published in 1..40_usize, held in 1..20_usize) {
        let board = board(held);
        for n in 0..published {
            board.publish(0, mark(n), result(i64::try_from(n).unwrap(), 1, 100, 0));
        }
        for n in 0..published {
            let mut position = Position::default();
            position.see(0, mark(n));
            let found = board.reader_behind(position).map(|mut reader| all_of(&mut reader).unwrap().len());
            let expected = if n + 1 + held >= published { Ok(published - n - 1) } else { Err(Lost::Forgotten) };
            prop_assert_eq!(found, expected);
        }
        let from_start = board.reader_behind(Position::default()).map(|_| ());
        prop_assert_eq!(from_start, if published <= held { Ok(()) } else { Err(Lost::Forgotten) });
    }
}

#[test]
fn a_reader_that_is_overtaken_is_told_and_holds_only_a_few() {
    let board = board(10);
    let mut reader = board.reader();
    let mut slow = board.reader();
    board.publish(0, mark(0), result(0, 1, 100, 0));
    assert_eq!(all_of(&mut reader).unwrap().len(), 1);
    for n in 1..100 {
        board.publish(0, mark(n), result(i64::try_from(n).unwrap(), 1, 100, 0));
    }
    assert_eq!(all_of(&mut reader), Err(Lost::Forgotten));
    assert_eq!(all_of(&mut slow), Err(Lost::Forgotten));
}

#[test]
fn ids_of_another_topic_and_of_no_record_are_unknown() {
    let board = board(10);
    for n in 0..3 {
        board.publish(0, mark(n), result(0, 1, 100, u32::try_from(n).unwrap()));
    }
    let behind = |text: &str| board.reader_behind(text.parse().unwrap()).map(|_| ());
    assert_eq!(behind("0:2:1001"), Ok(()));
    assert_eq!(behind("0:2:999"), Err(Lost::Unknown), "another time");
    assert_eq!(behind("0:3:1001"), Err(Lost::Unknown), "a marker");
    assert_eq!(behind("0:6:1003"), Err(Lost::Ahead));
    assert_eq!(behind("1:0:0"), Err(Lost::Ahead));
    let mut reader = board.reader();
    board.clear();
    assert_eq!(all_of(&mut reader), Err(Lost::Unknown), "the topic was made anew");
    assert_eq!(behind("0:2:1001"), Err(Lost::Ahead));
}

#[test]
fn a_lower_revision_that_another_partition_held_back_is_no_news() {
    let board = board(10);
    let mut reader = board.reader();
    board.publish(0, mark(0), result(0, 2, 200, 1));
    board.publish(1, mark(0), result(0, 1, 100, 0));
    board.publish(1, mark(1), result(0, 3, 300, 2));
    let revisions: Vec<u32> = all_of(&mut reader)
        .unwrap()
        .iter()
        .map(AnalyticsResult::revision)
        .collect();
    assert_eq!(revisions, [1, 2]);
    // It was passed by all the same.
    assert_eq!(reader.position().to_string(), "0:0:1000,1:2:1001");
}

#[tokio::test]
async fn a_reader_that_waits_is_woken() {
    let board = board(10);
    let mut reader = board.reader();
    let waiting = tokio::spawn(async move { reader.next().await });
    tokio::task::yield_now().await;
    board.publish(0, mark(0), result(7, 1, 100, 0));
    assert_eq!(waiting.await.unwrap(), Ok(result(7, 1, 100, 0)));
}
