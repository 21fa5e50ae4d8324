//! How long to wait before the next attempt: exponential backoff with full jitter.
//!
//! Full jitter draws the whole wait at random, from zero to a ceiling that doubles ("Exponential Backoff And
//! Jitter", AWS Architecture Blog, 2015): of the usual shapes it spreads the clients of a restarted server best.

use std::time::Duration;

/// The shortest and the longest ceiling of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of the first wait.
    pub min: Duration,
    /// Which the later ones do not exceed.
    pub max: Duration,
}

/// Where a client stands between the two bounds.
#[derive(Clone, Debug)]
pub struct Backoff {
    bounds: Bounds,
    ceiling: Duration,
    random: u64,
}

impl Backoff {
    /// `seed` must differ between clients: it is what spreads them.
    pub fn new(bounds: Bounds, seed: u64) -> Self {
        Backoff {
            bounds,
            ceiling: bounds.min,
            random: seed,
        }
    }

    /// The next wait. The one after it is drawn from twice the range.
    pub fn next_wait(&mut self) -> Duration {
        let ceiling = self.ceiling.as_millis().min(u32::MAX.into()) as u64;
        self.ceiling = self.ceiling.saturating_mul(2).min(self.bounds.max);
        Duration::from_millis((ceiling * (self.draw() >> 32)) >> 32)
    }

    /// The next wait starts from the shortest ceiling again.
    pub fn reset(&mut self) {
        self.ceiling = self.bounds.min;
    }

    /// The next wait is drawn from the whole range at once.
    pub fn exhaust(&mut self) {
        self.ceiling = self.bounds.max;
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014): as good as jitter needs, and good for any seed.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        min: Duration::from_millis(100),
        max: Duration::from_millis(450),
    };

    /// The longest and the mean of the nth wait, in milliseconds, over many clients.
    fn waits(n: usize, prepare: impl Fn(&mut Backoff)) -> (u128, u128) {
        let drawn = (0..1000).map(|seed| {
            let mut backoff = Backoff::new(BOUNDS, seed);
            prepare(&mut backoff);
            (0..n).for_each(|_| _ = backoff.next_wait());
            backoff.next_wait().as_millis()
        });
        let drawn: Vec<u128> = drawn.collect();
        (
            drawn.iter().copied().max().unwrap_or(0),
            drawn.iter().sum::<u128>() / 1000,
        )
    }

    #[track_caller]
    fn check(drawn: (u128, u128), ceiling: u128) {
        let (longest, mean) = drawn;
        assert!(
            longest < ceiling && longest > ceiling * 98 / 100,
            "longest {longest} of {ceiling}"
        );
        let middle = ceiling / 2;
        assert!(mean.abs_diff(middle) < ceiling / 20, "mean {mean} of {ceiling}");
    }

    #[test]
    fn the_whole_wait_is_drawn_at_random_below_a_ceiling_that_doubles_up_to_the_longest() {
        for (n, ceiling) in [(0, 100), (1, 200), (2, 400), (3, 450), (4, 450)] {
            check(waits(n, |_| {}), ceiling);
        }
    }

    #[test]
    fn a_reset_starts_from_the_shortest_ceiling_again() {
        let after_some = |backoff: &mut Backoff| {
            (0..3).for_each(|_| _ = backoff.next_wait());
            backoff.reset();
        };
        check(waits(0, after_some), 100);
    }

    #[test]
    fn an_exhausted_backoff_draws_from_the_longest_ceiling() {
        check(waits(0, Backoff::exhaust), 450);
    }
}
