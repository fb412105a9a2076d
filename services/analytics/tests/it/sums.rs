//! The windows against the simplest thing that could be right.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use analytics_service::windows::{Page, Span, Windows};
use proptest::prelude::*;
use weir_proto::{AnalyticsResult, Timestamp};

use crate::results::{result, start};

const MINUTES: i64 = 40;

fn results() -> impl Strategy<Value = Vec<AnalyticsResult>> {
    let one = (
        0..MINUTES,
        1..1_000_u64,
        prop_oneof![0..1_000_000_i128, Just(1 << 100)],
        0..4_u32,
    );
    let one = one.prop_map(|(window, orders, cents, revision)| result(window, orders, cents, revision));
    proptest::collection::vec(one, 0..200)
}

fn bound() -> impl Strategy<Value = Option<Timestamp>> {
    // Beside the starts of windows also moments between them.
    let ms = (-1..=MINUTES, prop_oneof![Just(0), Just(1), Just(-1)]);
    proptest::option::of(
        ms.prop_map(|(window, off)| Timestamp::from_millis(start(window).millis() + off).unwrap()),
    )
}

/// What is to be kept: of the results in their order the first of the highest revision of each window, and of these windows
/// the newest.
fn kept(results: &[AnalyticsResult], most: usize) -> Vec<AnalyticsResult> {
    let mut by_start = BTreeMap::<Timestamp, AnalyticsResult>::new();
    for result in results {
        let known = by_start.entry(result.window_start()).or_insert(*result);
        if result.revision() > known.revision() {
            *known = *result;
        }
    }
    let all: Vec<AnalyticsResult> = by_start.into_values().collect();
    all[all.len().saturating_sub(most)..].to_vec()
}

fn within(all: &[AnalyticsResult], span: Span) -> Vec<AnalyticsResult> {
    let is_in =
        |start: Timestamp| span.from.is_none_or(|from| from <= start) && span.to.is_none_or(|to| start < to);
    all.iter()
        .copied()
        .filter(|window| is_in(window.window_start()))
        .collect()
}

fn filled(results: &[AnalyticsResult], most: usize) -> Windows {
    let mut windows = Windows::new(NonZeroUsize::new(most).unwrap());
    for result in results {
        windows.apply(*result);
        assert!(windows.len() <= most);
    }
    windows
}

/// All pages, one after the other.
fn pages(windows: &Windows, span: Span, limit: usize) -> Vec<AnalyticsResult> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let Page { windows: page, next } = windows.page(span, after, limit);
        assert!(page.len() <= limit && (next.is_none() || page.len() == limit));
        all.extend(page);
        match next {
            Some(next) => after = Some(next),
            None => return all,
        }
    }
}

/// Half-even by another way than the one of the type: in thirds of nothing, with remainders alone.
fn half_even(cents: i128, count: i128) -> i128 {
    let (down, rest) = (cents / count, cents % count);
    match (rest * 2).cmp(&count) {
        std::cmp::Ordering::Less => down,
        std::cmp::Ordering::Greater => down + 1,
        std::cmp::Ordering::Equal => down + down % 2,
    }
}

proptest! {
    #[test]
    fn sums_and_pages_are_those_of_a_plain_fold(
        results in results(), from in bound(), to in bound(), most in 1..60_usize, limit in 1..50_usize,
    ) {
        let windows = filled(&results, most);
        let all = kept(&results, most);
        prop_assert_eq!(windows.latest(), all.last());
        let span = Span { from, to };
        let wanted = within(&all, span);
        prop_assert_eq!(pages(&windows, span, limit), wanted.clone());

        let sums = windows.summary(span).unwrap();
        let (mut orders, mut cents, mut items) = (0_i128, 0_i128, 0_i128);
        for window in &wanted {
            orders += i128::from(window.order_count());
            cents += window.total_revenue().minor();
            items += i128::from(window.total_items());
        }
        prop_assert_eq!(sums.windows, wanted.len() as u64);
        prop_assert_eq!(i128::from(sums.order_count), orders);
        prop_assert_eq!(sums.total_revenue.minor(), cents);
        prop_assert_eq!(i128::from(sums.total_items), items);
        let average = if orders == 0 { 0 } else { half_even(cents, orders) };
        prop_assert_eq!(sums.average_order_value().minor(), average);
    }

    #[test]
    fn where_windows_were_dropped_it_is_said_from_when_on_they_are_whole(results in results(), most in 1..60_usize) {
        let windows = filled(&results, most);
        let all = kept(&results, usize::MAX);
        let whole_from = (all.len() > most).then(|| all[all.len() - most].window_start());
        prop_assert_eq!(windows.complete_from(), whole_from);
    }
}

#[test]
fn sums_beyond_all_counting_are_none() {
    let mut windows = Windows::new(NonZeroUsize::new(9).unwrap());
    windows.apply(result(0, 1, i128::MAX, 0));
    assert!(windows.summary(Span::default()).is_some());
    windows.apply(result(1, 1, 1, 0));
    assert_eq!(windows.summary(Span::default()), None);
}
