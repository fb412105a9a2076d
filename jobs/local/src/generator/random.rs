//! Random numbers that are the same on every machine and in every version, so that a seed means something.

/// SplitMix64 (Steele, Lea, Flood 2014): 64 bits of state, good enough to invent orders.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// A stream of its own for each pair, so that one second of orders does not depend on the seconds before it.
    pub(crate) fn new(seed: u64, stream: u64) -> Self {
        let mut random = Self(seed ^ stream.wrapping_mul(0xd134_2543_de82_ef95));
        random.next();
        random
    }

    /// The next 64 bits.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Evenly in `0.0..1.0`.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Evenly in `0..bound`; the bias of the multiplication is far below anything seen here.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Evenly in `low..high`.
    pub(crate) fn between(&mut self, low: i64, high: i64) -> i64 {
        low + self.below(high.abs_diff(low)) as i64
    }

    /// Exponential with the given mean: the time between two arrivals.
    pub(crate) fn exponential(&mut self, mean: f64) -> f64 {
        -(1.0 - self.unit()).ln() * mean
    }

    /// A rank in `0..count`, the first ones the most likely: Zipf-Mandelbrot with exponent 1, where `flatness`
    /// is the rank at which the likelihood has halved.
    pub(crate) fn rank(&mut self, count: u64, flatness: f64) -> u64 {
        let spread = (1.0 + count as f64 / flatness).ln();
        let rank = flatness * ((self.unit() * spread).exp() - 1.0);
        (rank as u64).min(count - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_seed_is_fixed_for_ever() {
        let mut random = Random::new(7, 11);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, GOLDEN);
    }

    const GOLDEN: [u64; 3] = [
        0xae35_f4fb_dda9_ea9c,
        0x27a0_edc7_4ca8_ab82,
        0x8b0f_4115_e335_7cd9,
    ];

    #[test]
    fn means_are_as_asked_for() {
        let mut random = Random::new(1, 1);
        let count = 100_000;
        let unit: f64 = (0..count).map(|_| random.unit()).sum::<f64>() / f64::from(count);
        assert!((unit - 0.5).abs() < 0.01, "{unit}");
        let gap: f64 = (0..count).map(|_| random.exponential(20.0)).sum::<f64>() / f64::from(count);
        assert!((gap - 20.0).abs() < 0.5, "{gap}");
    }

    #[test]
    fn low_ranks_are_likelier_and_all_are_in_range() {
        let mut random = Random::new(1, 2);
        let mut seen = [0u32; 100];
        for _ in 0..100_000 {
            seen[random.rank(100, 5.0) as usize] += 1;
        }
        assert!(seen[0] > 3 * seen[20], "{seen:?}");
        assert!(seen[99] > 0, "{seen:?}");
    }
}
