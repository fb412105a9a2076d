//! Any order of rows, time, successes and failures against a storage that is a map.

use proptest::collection::vec;
use proptest::prelude::*;
use weir_proto::{MoneySum, ResultTotals};

use super::*;

#[derive(Clone, Debug)]
enum Step {
    /// Rows by minute and revision, and by how much the position grows with them.
    Send(Vec<(u8, u8)>, i64),
    Pass(u16),
    /// One of those under way ends.
    End(prop::sample::Index, Outcome),
}

#[derive(Clone, Copy, Debug)]
enum Outcome {
    Written,
    Failed(Reach),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Written),
        1 => Just(Outcome::Failed(Reach::ThisHour)),
        1 => Just(Outcome::Failed(Reach::Everything)),
    ];
    // Four hours; a revision now and then.
    let rows = vec((0..240_u8, 0..3_u8), 0..4);
    vec(
        prop_oneof![
            (rows, 1..5_i64).prop_map(|(rows, grows)| Step::Send(rows, grows)),
            (0..3000_u16).prop_map(Step::Pass),
            (any::<prop::sample::Index>(), outcome).prop_map(|(which, outcome)| Step::End(which, outcome)),
        ],
        1..80,
    )
}

fn row(minute: u8, revision: u8) -> AnalyticsResult {
    let at = |minute: i64| {
        Timestamp::from_millis(1_700_000_000_000 / 3_600_000 * 3_600_000 + minute * 60_000).unwrap()
    };
    let totals = ResultTotals {
        order_count: 1,
        total_revenue: MoneySum::from_minor(1),
        total_items: 1,
        unique_users: 1,
    };
    let minute = i64::from(minute);
    AnalyticsResult::new(at(minute)..at(minute + 1), totals, revision.into()).unwrap()
}

struct Model {
    pending: Pending,
    now: Instant,
    wall: Timestamp,
    position: i64,
    /// Every row that was sent, with the position after it.
    sent: Vec<(i64, AnalyticsResult)>,
    stored: BTreeMap<Timestamp, u32>,
    under_way: Vec<(Hour, Vec<AnalyticsResult>)>,
    durable: Option<i64>,
}

impl Model {
    fn new(at_once: usize, now: Instant, wall: Timestamp) -> Self {
        Self {
            pending: Pending::new(at_once),
            now,
            wall,
            position: 0,
            sent: Vec::new(),
            stored: BTreeMap::new(),
            under_way: Vec::new(),
            durable: None,
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Send(rows, grows) => {
                self.position += grows;
                let rows: Vec<_> = rows
                    .iter()
                    .map(|&(minute, revision)| row(minute, revision))
                    .collect();
                self.sent.extend(rows.iter().map(|row| (self.position, *row)));
                self.pending.add(rows, self.position, self.now, self.wall);
            }
            Step::Pass(ms) => self.now += Duration::from_millis((*ms).into()),
            Step::End(which, outcome) if !self.under_way.is_empty() => {
                self.end(which.index(self.under_way.len()), *outcome);
            }
            Step::End(..) => {}
        }
    }

    fn end(&mut self, which: usize, outcome: Outcome) {
        let (hour, rows) = self.under_way.swap_remove(which);
        match outcome {
            Outcome::Written => {
                for row in rows {
                    let stands = self.stored.entry(row.window_start()).or_default();
                    *stands = (*stands).max(row.revision());
                }
                self.pending.written(hour, self.now);
            }
            Outcome::Failed(reach) => self.pending.failed(hour, reach, self.now),
        }
    }

    /// Takes what may be written now and says what comes then.
    fn hand_out(&mut self) -> Next {
        loop {
            match self.pending.next(self.now) {
                Next::Write(hour, rows) => {
                    assert!(!rows.is_empty());
                    assert!(
                        self.under_way.iter().all(|(other, _)| *other != hour),
                        "{hour:?} twice at once"
                    );
                    self.under_way.push((hour, rows));
                    assert!(self.under_way.len() <= self.pending.at_once);
                }
                other => return other,
            }
        }
    }

    fn check(&mut self) {
        let durable = self.pending.durable();
        assert!(durable >= self.durable, "{durable:?} after {:?}", self.durable);
        self.durable = durable;
        for (position, row) in &self.sent {
            let stands = self
                .stored
                .get(&row.window_start())
                .is_some_and(|&revision| revision >= row.revision());
            assert!(Some(*position) > durable || stands, "{durable:?} passes {row:?}");
        }
    }
}

proptest! {
    #[test]
    fn durable_passes_no_row_that_is_not_written_never_goes_back_and_reaches_the_end(
        steps in steps(),
        at_once in 1..4_usize,
        of_the_past: bool,
    ) {
        let wall = row(if of_the_past { 0 } else { 239 }, 0).window_end();
        let wall = Timestamp::from_millis(wall.millis() + if of_the_past { 86_400_000 } else { 0 }).unwrap();
        let mut model = Model::new(at_once, Instant::now(), wall);
        for step in &steps {
            model.take(step);
            model.check();
            model.hand_out();
            model.check();
        }
        model.pending.finish();
        while model.hand_out() != Next::Finished {
            assert!(!model.under_way.is_empty(), "told to finish, it waits for nothing");
            model.end(0, Outcome::Written);
            model.check();
        }
        prop_assert_eq!(model.durable, (model.position > 0).then_some(model.position));
    }
}
