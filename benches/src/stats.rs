//! The few statistics that the report needs.

/// Several measurements of the same thing: the middle one, and how far they lay apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// The median.
    pub(crate) median: f64,
    /// The smallest.
    pub(crate) min: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Summary {
    /// `None` when there is nothing to summarise.
    pub(crate) fn of(samples: &[f64]) -> Option<Summary> {
        let sorted = sorted(samples);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let half = sorted.len() / 2;
        let median = if sorted.len() % 2 == 1 {
            sorted[half]
        } else {
            f64::midpoint(sorted[half - 1], sorted[half])
        };
        Some(Summary { median, min, max })
    }
}

/// The nearest-rank percentile: the smallest sample that at least `percent` of all samples do not exceed.
///
/// `percent` lies in 0 to 100. `None` when there are no samples.
pub(crate) fn percentile(samples: &[f64], percent: f64) -> Option<f64> {
    let sorted = sorted(samples);
    let rank = (percent / 100.0 * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        let summary = Summary::of(&[4.0, 1.0, 3.0, 2.0]).unwrap();
        assert_eq!(
            summary,
            Summary {
                median: 2.5,
                min: 1.0,
                max: 4.0
            }
        );
    }

    #[test]
    fn the_median_of_an_odd_count_is_a_sample_and_ignores_an_outlier() {
        assert_eq!(Summary::of(&[900.0, 1.0, 2.0]).unwrap().median, 2.0);
    }

    #[test]
    fn nothing_has_no_summary_and_no_percentile() {
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(percentile(&[], 50.0), None);
    }

    #[test]
    fn percentiles_are_nearest_ranks() {
        let samples: Vec<f64> = (1..=100).map(f64::from).collect();
        for (percent, expected) in [
            (0.0, 1.0),
            (50.0, 50.0),
            (99.0, 99.0),
            (99.5, 100.0),
            (100.0, 100.0),
        ] {
            assert_eq!(percentile(&samples, percent), Some(expected), "p{percent}");
        }
        assert_eq!(percentile(&[7.0], 99.0), Some(7.0));
    }
}
