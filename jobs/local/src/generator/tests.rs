use std::collections::{BTreeMap, HashSet};

use weir_proto::order::{self, Event};

use super::*;

const START_MS: i64 = 1_795_400_000_000;

fn recipe() -> Recipe {
    Recipe {
        seed: 42,
        rate: 50.0,
        disorder: 0.05,
        bad: 0.01,
        duplicates: 0.02,
        late: 0.01,
        currency: "USD".into(),
        partitions: 4,
    }
}

/// One sound order.
pub(super) fn sample() -> Order {
    Generator::starting_at(START_MS, recipe()).order(START_MS)
}

fn events(recipe: Recipe, count: usize) -> Vec<Published> {
    Generator::starting_at(START_MS, recipe).take(count).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    assert_eq!(events(recipe(), 5_000), events(recipe(), 5_000));
    assert_ne!(events(recipe(), 10), events(Recipe { seed: 43, ..recipe() }, 10));
}

#[test]
fn a_start_in_the_middle_publishes_what_would_have_come_without_the_break() {
    let whole = events(recipe(), 5_000);
    let (before, after) = whole.split_at(2_000);
    let from_ms = before[1_999].at_ms + 1;
    let resumed: Vec<Published> = Generator::starting_at(from_ms, recipe()).take(1_000).collect();
    let expected: Vec<Published> = after
        .iter()
        .filter(|event| event.at_ms >= from_ms)
        .take(1_000)
        .cloned()
        .collect();
    assert_eq!(resumed, expected);
}

#[test]
fn shares_are_as_asked_for() {
    let count = 100_000;
    let mut seen: BTreeMap<String, f64> = BTreeMap::new();
    for event in events(recipe(), count) {
        *seen.entry(format!("{:?}", event.kind)).or_default() += 1.0 / count as f64;
    }
    for (kind, share) in [
        ("Disordered", 0.05),
        ("Bad", 0.01),
        ("Duplicate", 0.02),
        ("Late", 0.01),
        ("Other", 0.01),
    ] {
        assert!((seen[kind] - share).abs() < share / 5.0, "{kind}: {seen:?}");
    }
}

#[test]
fn every_late_order_finds_its_window_closed_and_four_in_five_revise_it() {
    let (mut newest_ms, mut revisions, mut rejects) = (i64::MIN, 0, 0);
    for event in events(
        Recipe {
            late: 0.1,
            ..recipe()
        },
        50_000,
    ) {
        let value = event.value.unwrap_or_default();
        let (Kind::Prompt | Kind::Late, Ok(Event::Created(read))) = (event.kind, order::read(&value)) else {
            continue;
        };
        let created_ms = read.created_at.millis();
        if event.kind == Kind::Late && newest_ms > i64::MIN {
            // The watermark lag is 10 seconds.
            let behind_ms = newest_ms - 10_000 - (created_ms.div_euclid(60_000) + 1) * 60_000;
            assert!(behind_ms >= 0, "in time: {behind_ms}");
            if behind_ms < super::ALLOWED_LATENESS_MS {
                revisions += 1;
            } else {
                rejects += 1;
            }
        }
        newest_ms = newest_ms.max(created_ms);
    }
    let share = f64::from(revisions) / f64::from(revisions + rejects);
    assert!(
        (0.75..0.82).contains(&share),
        "{revisions} revisions, {rejects} rejects"
    );
}

#[test]
fn times_of_publication_never_go_back_and_orders_are_created_before_them() {
    let mut last_ms = START_MS;
    for event in events(recipe(), 20_000) {
        assert!(event.at_ms >= last_ms);
        last_ms = event.at_ms;
        let value = event.value.clone().unwrap_or_default();
        if let (Kind::Prompt | Kind::Disordered | Kind::Late, Ok(Event::Created(read))) =
            (event.kind, order::read(&value))
        {
            let delay_ms = event.at_ms - read.created_at.millis();
            let allowed = match event.kind {
                Kind::Prompt => 0..1_000,
                Kind::Disordered => 1_000..8_000,
                _ => 12_000..super::FINAL_AFTER_MS + 830_000,
            };
            assert!(allowed.contains(&delay_ms), "{event:?}");
        }
    }
}

#[test]
fn sound_orders_are_read_as_written_and_copies_are_equal() {
    let mut ids = HashSet::new();
    let mut values = HashSet::new();
    for event in events(recipe(), 20_000) {
        let value = event.value.clone().unwrap_or_default();
        match event.kind {
            Kind::Bad => {}
            Kind::Other => assert!(matches!(order::read(&value), Ok(Event::Ignored))),
            Kind::Duplicate => {
                let Ok(Event::Created(read)) = order::read(&value) else {
                    panic!("{event:?}")
                };
                let before_the_start = read.created_at.millis() < START_MS;
                assert!(before_the_start || values.contains(&value), "{event:?}");
            }
            _ => {
                let Ok(Event::Created(read)) = order::read(&value) else {
                    panic!("{event:?}")
                };
                assert_eq!(event.key.as_deref(), Some(read.order_id.as_bytes()));
                assert!((1..=20).contains(&read.total_items), "{event:?}");
                assert!(ids.insert(read.order_id.to_string()), "order id twice: {event:?}");
                values.insert(value);
            }
        }
    }
}

#[test]
fn some_users_order_much_more_than_others() {
    let mut orders: BTreeMap<String, u32> = BTreeMap::new();
    for event in events(recipe(), 50_000) {
        if let Ok(Event::Created(read)) = order::read(&event.value.unwrap_or_default()) {
            *orders.entry(read.user_id.to_string()).or_default() += 1;
        }
    }
    let most = orders.values().max().copied().unwrap_or_default();
    assert!(orders.len() > 5_000, "{} users", orders.len());
    assert!((30..500).contains(&most), "the busiest user has {most} orders");
}

#[test]
fn the_rate_is_the_mean_times_the_hour() {
    let evening_ms = START_MS - START_MS.rem_euclid(86_400_000) + 20 * 3_600_000;
    let count = Generator::starting_at(evening_ms, recipe())
        .take_while(|event| event.at_ms < evening_ms + 600_000)
        .count();
    let mean: f64 = (0..600)
        .map(|second| 50.0 * day::busyness(evening_ms / 1_000 + second))
        .sum();
    assert!((count as f64 - mean).abs() < mean * 0.02, "{count} of {mean}");
}
