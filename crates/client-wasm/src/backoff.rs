//! How long to wait before the next attempt: exponential backoff with full jitter.
//!
//! Full jitter draws the whole wait at random, from zero to a ceiling that doubles ("Exponential Backoff And
//! Jitter", AWS Architecture Blog, 2015): of the usual shapes it spreads the clients of a restarted server best.

/// The shortest and the longest ceiling of a wait, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) min_ms: f64,
    pub(crate) max_ms: f64,
}

#[derive(Debug)]
pub(crate) struct Backoff {
    bounds: Bounds,
    ceiling_ms: f64,
}

impl Backoff {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Backoff {
            bounds,
            ceiling_ms: bounds.min_ms,
        }
    }

    /// The next wait in milliseconds; the one after it is drawn from twice the range. `random` is uniform in
    /// `0.0..1.0`.
    pub(crate) fn next_ms(&mut self, random: f64) -> f64 {
        let ceiling_ms = self.ceiling_ms;
        self.ceiling_ms = (ceiling_ms * 2.0).min(self.bounds.max_ms);
        ceiling_ms * random
    }

    /// The next wait starts from the shortest ceiling again.
    pub(crate) fn reset(&mut self) {
        self.ceiling_ms = self.bounds.min_ms;
    }

    /// The next wait is drawn from the whole range at once.
    pub(crate) fn exhaust(&mut self) {
        self.ceiling_ms = self.bounds.max_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds {
        min_ms: 100.0,
        max_ms: 450.0,
    };

    #[test]
    fn the_ceiling_doubles_up_to_the_longest() {
        let mut backoff = Backoff::new(BOUNDS);
        let longest = [(); 5].map(|()| backoff.next_ms(1.0));
        assert_eq!(longest, [100.0, 200.0, 400.0, 450.0, 450.0]);
    }

    #[test]
    fn the_whole_wait_is_drawn_at_random() {
        let mut backoff = Backoff::new(BOUNDS);
        assert_eq!(backoff.next_ms(0.0), 0.0);
        assert_eq!(backoff.next_ms(0.5), 100.0);
        assert_eq!(backoff.next_ms(0.25), 100.0);
    }

    #[test]
    fn a_reset_starts_from_the_shortest_ceiling_again() {
        let mut backoff = Backoff::new(BOUNDS);
        let _ = [(); 3].map(|()| backoff.next_ms(1.0));
        backoff.reset();
        assert_eq!(backoff.next_ms(1.0), 100.0);
    }

    #[test]
    fn an_exhausted_backoff_draws_from_the_longest_ceiling() {
        let mut backoff = Backoff::new(BOUNDS);
        backoff.exhaust();
        assert_eq!(backoff.next_ms(1.0), 450.0);
    }
}
