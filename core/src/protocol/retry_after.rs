//! `Retry-After` and `Date` (RFC 9110 §10.2.3, §6.6.1; R-063).

use std::time::UNIX_EPOCH;

/// Longest wait that a server may ask for.
const MAX_SECONDS: u64 = 3600;
/// Longest header value that is looked at.
const MAX_LENGTH: usize = 64;

/// How long to wait: seconds, or the time left to an HTTP-date. A date is held against the answer's
/// own `Date` where there is one, so that a wrong clock here neither lengthens nor skips the wait.
pub fn retry_after_seconds(
    value: Option<&str>,
    date_header: Option<&str>,
    now: i64,
) -> Option<u64> {
    let value = value?.trim();
    if value.is_empty() || value.len() > MAX_LENGTH {
        return None;
    }
    if value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(value.parse().unwrap_or(u64::MAX).min(MAX_SECONDS));
    }
    let now = date_header.and_then(http_date).unwrap_or(now);
    let left = http_date(value)?.saturating_sub(now);
    Some(u64::try_from(left).unwrap_or(0).min(MAX_SECONDS))
}

/// The Unix time of an HTTP-date, in any of its three forms (RFC 9110 §5.6.7).
pub fn http_date(value: &str) -> Option<i64> {
    let value = value.trim();
    if value.len() > MAX_LENGTH {
        return None;
    }
    let time = httpdate::parse_http_date(value).ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110 §5.6.7.
    const THEN: i64 = 784_111_777;

    #[test]
    fn all_three_forms_of_a_date_are_read() {
        for date in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(http_date(date), Some(THEN), "{date}");
        }
        for bad in [
            "",
            "soon",
            "1994-11-06T08:49:37Z",
            "Sun, 66 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
        assert_eq!(http_date(&"Sun, ".repeat(1000)), None);
    }

    #[test]
    fn seconds_are_capped_at_an_hour() {
        for (value, seconds) in [
            ("0", 0),
            ("5", 5),
            (" 120 ", 120),
            ("3601", 3600),
            ("99999999999999999999999999", 3600),
        ] {
            assert_eq!(
                retry_after_seconds(Some(value), None, THEN),
                Some(seconds),
                "{value}"
            );
        }
    }

    #[test]
    fn a_date_gives_the_time_left_and_a_past_one_none() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(retry_after_seconds(date, None, THEN - 90), Some(90));
        assert_eq!(retry_after_seconds(date, None, THEN + 90), Some(0));
        assert_eq!(retry_after_seconds(date, None, THEN - 7200), Some(3600));
        assert_eq!(retry_after_seconds(date, None, i64::MIN), Some(3600));
    }

    #[test]
    fn a_date_is_held_against_the_servers_clock() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let server = Some("Sun, 06 Nov 1994 08:49:07 GMT");
        assert_eq!(retry_after_seconds(date, server, THEN + 86_400), Some(30));
        assert_eq!(
            retry_after_seconds(date, Some("nonsense"), THEN - 90),
            Some(90)
        );
    }

    #[test]
    fn what_is_neither_form_is_no_wait() {
        for bad in [
            None,
            Some(""),
            Some("-5"),
            Some("1.5"),
            Some("+5"),
            Some("later"),
            Some("5, 6"),
        ] {
            assert_eq!(retry_after_seconds(bad, None, THEN), None, "{bad:?}");
        }
        assert_eq!(retry_after_seconds(Some(&"1".repeat(65)), None, THEN), None);
    }
}
