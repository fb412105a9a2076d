//! The shape of a shopping day: quiet before dawn, a peak at lunch, a higher one in the evening.

/// Orders in each hour (UTC) in proportion to the mean of the day, which is 1.
const HOURS: [f64; 24] = [
    0.50, 0.32, 0.22, 0.18, 0.17, 0.24, 0.42, 0.70, 0.95, 1.12, 1.24, 1.38, //
    1.46, 1.34, 1.22, 1.18, 1.24, 1.38, 1.58, 1.80, 1.90, 1.66, 1.12, 0.68,
];

const DAY_S: i64 = 86_400;

/// How busy the shop is at this second, where 1 is the mean of a day; between two hours it changes evenly.
pub(crate) fn busyness(second: i64) -> f64 {
    let hour = second.rem_euclid(DAY_S) as f64 / 3_600.0;
    let before = hour as usize;
    let share = hour - before as f64;
    HOURS[before] * (1.0 - share) + HOURS[(before + 1) % 24] * share
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_of_a_day_is_one() {
        let mean = (0..DAY_S).map(busyness).sum::<f64>() / DAY_S as f64;
        assert!((mean - 1.0).abs() < 0.001, "{mean}");
    }

    #[test]
    fn the_evening_is_the_busiest_and_the_night_the_quietest() {
        assert!(busyness(20 * 3_600) > busyness(12 * 3_600));
        assert!(busyness(12 * 3_600) > 5.0 * busyness(4 * 3_600));
    }

    #[test]
    fn midnight_is_no_step() {
        assert!((busyness(DAY_S - 1) - busyness(DAY_S)).abs() < 0.001);
    }
}
