//! What a run has found: figures beside their bars, as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::machine::Machine;
use crate::stats::Summary;

/// All figures of a run.
#[derive(Serialize)]
pub(crate) struct Report {
    machine: Machine,
    figures: Vec<Figure>,
    /// Where the time went, in words.
    notes: Vec<String>,
}

/// One measured quantity.
#[derive(Serialize)]
pub(crate) struct Figure {
    /// What was done, such as `fanout 200, one at a time`.
    pub(crate) case: String,
    /// Who did it: `floor`, `patchcast`, `naive`.
    pub(crate) subject: &'static str,
    /// What was measured, with its unit.
    pub(crate) quantity: &'static str,
    /// The median; a single measurement is its own median.
    pub(crate) median: f64,
    /// The smallest measurement.
    pub(crate) min: f64,
    /// The largest measurement.
    pub(crate) max: f64,
    /// How many there were.
    pub(crate) runs: usize,
    /// What the median may be at most.
    pub(crate) bar: Option<f64>,
}

impl Figure {
    /// A figure from its measurements; there is at least one.
    pub(crate) fn new(
        case: impl Into<String>,
        subject: &'static str,
        quantity: &'static str,
        samples: &[f64],
    ) -> Figure {
        let summary = Summary::of(samples).expect("a figure has been measured at least once");
        Figure {
            case: case.into(),
            subject,
            quantity,
            median: summary.median,
            min: summary.min,
            max: summary.max,
            runs: samples.len(),
            bar: None,
        }
    }

    /// The same figure, held to a bar.
    pub(crate) fn at_most(mut self, bar: f64) -> Figure {
        self.bar = Some(bar);
        self
    }

    fn misses_its_bar(&self) -> bool {
        self.bar.is_some_and(|bar| self.median > bar)
    }
}

impl Report {
    /// An empty report of this machine.
    pub(crate) fn new() -> Report {
        Report {
            machine: Machine::this(),
            figures: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a figure.
    pub(crate) fn add(&mut self, figure: Figure) {
        self.figures.push(figure);
    }

    /// Adds a remark on where the time went.
    pub(crate) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// How many bars this subject misses.
    pub(crate) fn missed(&self, subject: &str) -> usize {
        self.figures
            .iter()
            .filter(|figure| figure.subject == subject && figure.misses_its_bar())
            .count()
    }

    /// The table for people.
    pub(crate) fn table(&self) -> String {
        let head = ["case", "subject", "quantity", "median", "min .. max", "bar", ""].map(str::to_owned);
        let mut rows = vec![head];
        rows.extend(self.figures.iter().map(|figure| {
            let range = if figure.runs > 1 {
                format!("{} .. {}", number(figure.min), number(figure.max))
            } else {
                String::new()
            };
            let verdict = match figure.bar {
                None => "",
                Some(_) if figure.misses_its_bar() => "MISSED",
                Some(_) => "met",
            };
            [
                figure.case.clone(),
                figure.subject.to_owned(),
                figure.quantity.to_owned(),
                number(figure.median),
                range,
                figure
                    .bar
                    .map(|bar| format!("<= {}", number(bar)))
                    .unwrap_or_default(),
                verdict.to_owned(),
            ]
        }));
        let widths: [usize; 7] =
            std::array::from_fn(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or_default());
        let mut out = format!("{}\n\n", self.machine);
        for row in &rows {
            let mut line = String::new();
            for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
                // Numbers stand right, words left.
                if (3..=5).contains(&column) {
                    let _ = write!(line, "{cell:>width$}  ");
                } else {
                    let _ = write!(line, "{cell:<width$}  ");
                }
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        for note in &self.notes {
            let _ = write!(out, "\n{note}");
        }
        out
    }
}

/// Three significant digits or the whole number, whichever is more.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        let behind = whole.len() - at;
        if at > 0 && behind.is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if fraction.is_empty() {
        grouped
    } else {
        format!("{grouped}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits_and_group_their_thousands() {
        for (value, text) in [
            (0.156_25, "0.156"),
            (1.25, "1.25"),
            (12.34, "12.3"),
            (999.6, "1,000"),
            (4_321.0, "4,321"),
            (1_234_567.8, "1,234,568"),
            (-123_456.0, "-123,456"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn only_a_median_above_its_bar_misses_it_and_only_for_its_subject() {
        let mut report = Report::new();
        report.add(Figure::new("a", "patchcast", "ratio", &[1.0, 1.25, 9.0]).at_most(1.25));
        report.add(Figure::new("b", "patchcast", "ratio", &[1.3]).at_most(1.25));
        report.add(Figure::new("b", "naive", "ratio", &[3.0]).at_most(1.25));
        report.add(Figure::new("c", "patchcast", "ns", &[300.0]));
        assert_eq!(report.missed("patchcast"), 1);
        assert!(report.table().contains("MISSED"));
    }
}
