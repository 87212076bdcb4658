//! Loopback redirect URIs: the port is chosen when the login begins (RFC 8252 §7.3).

use url::Url;

use super::discovery::is_loopback;

/// Whether `actual` is the configured redirect URI itself, or differs from it in the port of a plain-http loopback
/// address alone.
pub fn is_loopback_variant(configured: &str, actual: &str) -> bool {
    if configured == actual {
        return true;
    }
    let (Ok(mut configured), Ok(actual)) = (Url::parse(configured), Url::parse(actual)) else {
        return false;
    };
    configured.scheme() == "http"
        && is_loopback(&configured)
        && configured.set_port(actual.port()).is_ok()
        && configured == actual
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_chosen_on_loopback() {
        for actual in [
            "http://127.0.0.1:49152/callback",
            "http://127.0.0.1/callback",
        ] {
            assert!(is_loopback_variant("http://127.0.0.1/callback", actual));
        }
        assert!(is_loopback_variant("http://[::1]/cb", "http://[::1]:80/cb"));
    }

    #[test]
    fn nothing_else_may_differ() {
        for (configured, actual) in [
            ("http://127.0.0.1/callback", "http://127.0.0.1:1/other"),
            ("http://127.0.0.1/callback", "http://localhost:1/callback"),
            (
                "http://127.0.0.1/callback",
                "http://evil.example:1/callback",
            ),
            (
                "http://127.0.0.1/callback",
                "http://127.0.0.1:1/callback?x=1",
            ),
            ("http://127.0.0.1/callback", "http://a@127.0.0.1:1/callback"),
            ("https://app.example/cb", "https://app.example:8443/cb"),
            ("https://127.0.0.1/cb", "https://127.0.0.1:8443/cb"),
            ("com.example.app:/cb", "com.example.other:/cb"),
        ] {
            assert!(!is_loopback_variant(configured, actual), "{actual}");
        }
    }
}
