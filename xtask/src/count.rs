//! How many tests passed, read from what each test runner prints.

use std::ops::AddAssign;

/// Tests (and checks) by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    pub(crate) fn ran(self) -> u64 {
        self.passed + self.failed
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// Rust: one `test result:` line for each test program.
pub(crate) fn cargo_test(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        // A test may have printed something without a line end just before.
        let Some((_, result)) = line.split_once("test result: ") else {
            continue;
        };
        counts += Counts {
            passed: number_before(result, " passed"),
            failed: number_before(result, " failed"),
            skipped: number_before(result, " ignored"),
        };
    }
    counts
}

/// Maven Surefire: a line for each class (with its time), then one for all (without).
pub(crate) fn surefire(output: &str) -> Counts {
    let mut counts = Counts::default();
    for line in output.lines() {
        let Some((_, result)) = line.split_once("Tests run: ") else {
            continue;
        };
        if result.contains("Time elapsed") {
            continue;
        }
        let run = leading_number(result);
        let failed = number_after(result, "Failures: ") + number_after(result, "Errors: ");
        let skipped = number_after(result, "Skipped: ");
        counts += Counts {
            passed: run.saturating_sub(failed + skipped),
            failed,
            skipped,
        };
    }
    counts
}

/// `swift test` runs two frameworks after each other, and each prints totals of its own.
pub(crate) fn swift_test(output: &str) -> Counts {
    let mut counts = xctest(output);
    counts += swift_testing(output);
    counts
}

/// XCTest prints totals for each class, each bundle and for all; only the last of these counts. It prints them
/// even when there is no test at all. Its failures are failed assertions, so failed tests are counted one by one.
fn xctest(output: &str) -> Counts {
    let mut counts = Counts::default();
    let (mut of_all, mut failed) = (false, 0);
    for line in output.lines() {
        let line = line.trim();
        if line.starts_with("Test Case '") && line.contains("' failed (") {
            failed += 1;
        } else if let Some(suite) = line.strip_prefix("Test Suite '") {
            of_all = ["All tests", "Selected tests"]
                .iter()
                .filter_map(|name| suite.strip_prefix(name))
                .any(|end| end.starts_with("' passed") || end.starts_with("' failed"));
        } else if let Some(result) = line.strip_prefix("Executed ") {
            if of_all {
                let run = leading_number(result);
                let skipped = number_before(result, " test skipped")
                    + number_before(result, " tests skipped");
                counts += Counts {
                    passed: run.saturating_sub(failed + skipped),
                    failed,
                    skipped,
                };
                failed = 0;
            }
            of_all = false;
        }
    }
    counts
}

/// Swift Testing: a line for each case of a test with arguments when it starts, a line for each test when it ends, and
/// "Test run with 17 tests passed after …". A mark comes first (it differs by system), so lines are read from their
/// first letter on. A test with arguments counts as its cases; where it failed as one, for which of them is not told.
fn swift_testing(output: &str) -> Counts {
    let (mut all, mut counts) = (0, Counts::default());
    let mut cases: Vec<&str> = Vec::new();
    for line in output.lines() {
        let line = line.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
        if let Some(result) = line.strip_prefix("Test run with ") {
            all += leading_number(result);
        } else if let Some(case) = line.strip_prefix("Passing ") {
            cases.push(case);
        } else if let Some(test) = line
            .strip_prefix("Test ")
            .filter(|test| !test.starts_with("Case '"))
        {
            if let Some((name, _)) = test.split_once(" passed after ") {
                // Newer versions of Swift tell the number there too.
                let name = name
                    .rsplit_once(" with ")
                    .filter(|(_, number)| number.contains(" test case"))
                    .map_or(name, |(name, _)| name);
                let end = format!(" to {name}");
                let mut own = 0;
                cases.retain(|case| {
                    let is_own = case.ends_with(&end);
                    own += u64::from(is_own);
                    !is_own
                });
                counts.passed += own.max(1);
            }
            counts.failed += u64::from(test.contains(" failed after "));
            counts.skipped += u64::from(test.contains(" skipped") && !test.contains(" after "));
        }
    }
    if counts == Counts::default() {
        counts.passed = all;
    }
    counts
}

fn leading_number(text: &str) -> u64 {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    text[..end].parse().unwrap_or(0)
}

fn number_after(text: &str, words: &str) -> u64 {
    text.split_once(words)
        .map_or(0, |(_, rest)| leading_number(rest))
}

fn number_before(text: &str, words: &str) -> u64 {
    let Some((before, _)) = text.split_once(words) else {
        return 0;
    };
    let start = before
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + 1);
    before[start..].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Counts {
        Counts {
            passed,
            failed,
            skipped,
        }
    }

    #[test]
    fn cargo_test_lines_of_all_programs_are_added() {
        let output = "\
running 3 tests
test a::works ... ok
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s

     Running unittests src/main.rs (target/debug/deps/x-1)
running 0 tests
test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
a test's own words test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
error: test failed, to rerun pass `--lib`
";
        assert_eq!(cargo_test(output), counts(12, 2, 1));
    }

    #[test]
    fn surefire_totals_count_and_lines_of_classes_do_not() {
        let output = "\
[INFO]  T E S T S
[INFO] Running dev.latchkey.PingTest
[INFO] Tests run: 3, Failures: 0, Errors: 0, Skipped: 0, Time elapsed: 0.5 s -- in dev.latchkey.PingTest
[ERROR] Tests run: 5, Failures: 1, Errors: 1, Skipped: 1, Time elapsed: 0.5 s <<< FAILURE! -- in dev.latchkey.X
[INFO] Results:
[ERROR] Failures:
[ERROR]   X.y:12 expected: <1> but was: <2>
[ERROR] Tests run: 8, Failures: 1, Errors: 1, Skipped: 1
[INFO] BUILD FAILURE
";
        assert_eq!(surefire(output), counts(5, 2, 1));
        assert_eq!(surefire("[INFO] No tests to run.\n"), counts(0, 0, 0));
    }

    const XCTEST: &str = "\
Test Suite 'All tests' started at 2025-11-01 10:00:00.000
Test Suite 'debug.xctest' started at 2025-11-01 10:00:00.000
Test Suite 'KeychainTests' started at 2025-11-01 10:00:00.000
Test Case 'KeychainTests.testLocked' started at 2025-11-01 10:00:00.000
Test Case 'KeychainTests.testLocked' passed (0.001 seconds)
Test Suite 'KeychainTests' passed at 2025-11-01 10:00:00.000
\t Executed 16 tests, with 0 failures (0 unexpected) in 0.002 (0.002) seconds
Test Suite 'debug.xctest' passed at 2025-11-01 10:00:00.000
\t Executed 16 tests, with 0 failures (0 unexpected) in 0.002 (0.002) seconds
Test Suite 'All tests' passed at 2025-11-01 10:00:00.000
\t Executed 16 tests, with 0 failures (0 unexpected) in 0.002 (0.002) seconds
";
    const NO_XCTEST: &str = "\
Test Suite 'All tests' started at 2025-11-01 10:00:00.000
Test Suite 'debug.xctest' started at 2025-11-01 10:00:00.000
Test Suite 'debug.xctest' passed at 2025-11-01 10:00:00.000
\t Executed 0 tests, with 0 failures (0 unexpected) in 0.0 (0.0) seconds
Test Suite 'All tests' passed at 2025-11-01 10:00:00.000
\t Executed 0 tests, with 0 failures (0 unexpected) in 0.0 (0.0) seconds
";
    const SWIFT_TESTING: &str = "\
◇ Test run started.
↳ Testing Library Version: 6.0.3
◇ Suite KeychainTests started.
◇ Test \"a locked store\" started.
◇ Passing 1 argument n → 2 to everyVector(_:)
◇ Passing 1 argument s → \"to everyVector(_:)\" to \"another test\"
◇ Passing 1 argument n → 3 to everyVector(_:)
✔ Test \"a locked store\" passed after 0.001 seconds.
✔ Test everyVector(_:) passed after 0.002 seconds.
✔ Suite KeychainTests passed after 0.003 seconds.
✔ Test run with 2 tests passed after 0.005 seconds.
";

    #[test]
    fn xctest_totals_are_taken_once() {
        assert_eq!(swift_test(XCTEST), counts(16, 0, 0));
        assert_eq!(swift_test(NO_XCTEST), counts(0, 0, 0));
    }

    #[test]
    fn both_swift_frameworks_are_added() {
        assert_eq!(
            swift_test(&format!("{XCTEST}{SWIFT_TESTING}")),
            counts(19, 0, 0)
        );
        assert_eq!(
            swift_test(&format!("{NO_XCTEST}{SWIFT_TESTING}")),
            counts(3, 0, 0)
        );
    }

    #[test]
    fn a_swift_test_with_arguments_counts_as_its_cases_and_one_that_failed_as_one() {
        let output = "\
◇ Test many(_:) started.
◇ Passing 1 argument n → 1 to many(_:)
◇ Passing 1 argument n → 1 to bad(_:)
◇ Passing 2 arguments n → 2, word → a word to come to many(_:)
◇ Passing 1 argument n → 2 to bad(_:)
◇ Passing 1 argument n → 3 to many(_:)
✔ Test many(_:) passed after 0.002 seconds.
✘ Test bad(_:) recorded an issue with 1 argument n → 1 at T.swift:10:3: Expectation failed: 1 == 2
✘ Test bad(_:) failed after 0.002 seconds with 1 issue.
✔ Test plain() passed after 0.002 seconds.
◇ Passing 1 argument n → 1 to newer(_:)
◇ Passing 1 argument n → 2 to newer(_:)
✔ Test newer(_:) with 2 test cases passed after 0.002 seconds.
✘ Test run with 4 tests failed after 0.003 seconds with 1 issue.
";
        assert_eq!(swift_test(output), counts(6, 1, 0));
    }

    #[test]
    fn failures_and_skips_of_both_swift_frameworks_are_seen() {
        let xctest = "\
Test Suite 'X' started at 2026-11-24 11:42:56.376
Test Case 'X.testBad' started at 2026-11-24 11:42:56.376
T.swift:25: error: X.testBad : XCTAssertEqual failed: (\"1\") is not equal to (\"2\") -
T.swift:26: error: X.testBad : XCTAssertEqual failed: (\"1\") is not equal to (\"3\") -
Test Case 'X.testBad' failed (0.001 seconds)
Test Case 'X.testFine' passed (0.001 seconds)
T.swift:29: X.testSkip : Test skipped - no
Test Case 'X.testSkip' skipped (0.0 seconds)
Test Suite 'X' failed at 2026-11-24 11:42:56.379
\t Executed 3 tests, with 1 test skipped and 2 failures (0 unexpected) in 0.003 (0.003) seconds
Test Suite 'All tests' failed at 2026-11-24 11:42:56.379
\t Executed 3 tests, with 1 test skipped and 2 failures (0 unexpected) in 0.003 (0.003) seconds
";
        assert_eq!(swift_test(xctest), counts(1, 1, 1));
        let testing = "\
◇ Test run started.
✘ Test later() skipped: \"not yet\"
✘ Test fails() recorded an issue at T.swift:10:3: Expectation failed: 1 == 2
✔ Test many(_:) passed after 0.002 seconds.
✔ Test addsThree() passed after 0.002 seconds.
✘ Test fails() failed after 0.002 seconds with 1 issue.
✘ Test run with 4 tests failed after 0.003 seconds with 1 issue.
";
        assert_eq!(swift_test(testing), counts(2, 1, 1));
    }
}
