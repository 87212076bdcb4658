//! The closing table.

use std::fmt::Write;
use std::time::Duration;

use crate::count::Counts;
use crate::steps::duration;

/// How one lane ended.
pub(crate) struct LaneReport {
    pub(crate) lane: &'static str,
    pub(crate) end: End,
    pub(crate) took: Duration,
}

pub(crate) enum End {
    /// It ran; `notes` say what went wrong beside failing tests.
    Ran { counts: Counts, notes: Vec<String> },
    /// It could not run here; the words say why and what to do.
    Skipped(String),
}

impl LaneReport {
    /// What the lane adds to the sum. A lane that did not run is one thing skipped, and in CI one thing failed.
    fn counts(&self, ci: bool) -> Counts {
        match &self.end {
            End::Ran { counts, .. } => *counts,
            End::Skipped(_) if ci => Counts {
                failed: 1,
                ..Counts::default()
            },
            End::Skipped(_) => Counts {
                skipped: 1,
                ..Counts::default()
            },
        }
    }
}

/// The table as text, and whether all is well.
pub(crate) fn table(reports: &[LaneReport], ci: bool) -> (String, bool) {
    let mut text = String::new();
    let mut sum = Counts::default();
    for report in reports {
        let counts = report.counts(ci);
        sum += counts;
        let (word, details) = match &report.end {
            End::Skipped(why) if ci => (
                "FAILED",
                format!("skipped: {why} (in CI nothing may be skipped)"),
            ),
            End::Skipped(why) => ("skipped", format!("skipped: {why}")),
            End::Ran { counts, notes } => {
                let word = if counts.failed == 0 {
                    "passed"
                } else {
                    "FAILED"
                };
                let mut details = numbers(*counts);
                for note in notes {
                    let _ = write!(details, "; {note}");
                }
                (word, details)
            }
        };
        let took = duration(report.took);
        let _ = writeln!(text, "{:<8} {word:<8} {took:>11}   {details}", report.lane);
    }
    let _ = writeln!(text, "{}", numbers(sum));
    (text, sum.failed == 0)
}

fn numbers(counts: Counts) -> String {
    format!(
        "{} passed, {} failed, {} skipped",
        counts.passed, counts.failed, counts.skipped
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(lane: &'static str, passed: u64, failed: u64) -> LaneReport {
        LaneReport {
            lane,
            end: End::Ran {
                counts: Counts {
                    passed,
                    failed,
                    skipped: 0,
                },
                notes: Vec::new(),
            },
            took: Duration::from_secs(75),
        }
    }

    fn skipped(lane: &'static str) -> LaneReport {
        LaneReport {
            lane,
            end: End::Skipped("no `swift` here".to_owned()),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn the_last_line_is_the_sum_alone() {
        let (text, ok) = table(
            &[ran("rust", 142, 0), ran("kotlin", 10, 0), skipped("swift")],
            false,
        );
        assert!(ok);
        assert_eq!(text.lines().last(), Some("152 passed, 0 failed, 1 skipped"));
        assert!(text.contains("rust     passed    1 min 15 s   142 passed"));
        assert!(text.contains("skipped: no `swift` here"));
    }

    #[test]
    fn one_failed_test_fails_the_whole() {
        let (text, ok) = table(&[ran("rust", 142, 1)], false);
        assert!(!ok);
        assert!(text.contains("FAILED"));
    }

    #[test]
    fn in_ci_a_skipped_lane_is_a_failure() {
        let (text, ok) = table(&[ran("rust", 1, 0), skipped("swift")], true);
        assert!(!ok);
        assert_eq!(text.lines().last(), Some("1 passed, 1 failed, 0 skipped"));
    }
}
