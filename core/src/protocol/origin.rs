//! A refresh token goes to the origin that gave it, and to no other (docs/decisions/0015). Metadata may change after a
//! login, by mistake or by somebody who can write them; a token that is sent elsewhere cannot be called back.

use url::Url;

/// Where a refresh token is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct RefreshEndpoint {
    pub url: Url,
    /// The metadata name an endpoint at another origin, which is not used.
    pub moved: bool,
}

/// `of_login` is the endpoint that gave the token, `named` the one in the metadata of today: within its origin (scheme,
/// host and port, RFC 6454 §4) a provider may change its paths as it likes.
pub fn refresh_endpoint(of_login: Url, named: &Url) -> RefreshEndpoint {
    if of_login.origin() == named.origin() {
        RefreshEndpoint {
            url: named.clone(),
            moved: false,
        }
    } else {
        RefreshEndpoint {
            url: of_login,
            moved: true,
        }
    }
}

/// Whether an endpoint that has moved says that it is gone for good: with this, a new login is the way out. Trouble
/// (5xx), a refusal, or no answer is none of that.
pub fn is_gone(status: u16) -> bool {
    // Moved Permanently, Not Found, Method Not Allowed, Gone, Permanent Redirect (RFC 9110 §15.4, §15.5).
    matches!(status, 301 | 404 | 405 | 410 | 308)
}

/// Whether a token may be sent to this revocation endpoint (RFC 7009): at the origin of the token endpoint that gave it,
/// or at the issuer's own, which the developer has configured.
pub fn may_revoke_at(revocation: &Url, gave: &Url, issuer: &Url) -> bool {
    let origin = revocation.origin();
    origin == gave.origin() || origin == issuer.origin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn within_its_origin_the_endpoint_is_where_the_metadata_say() {
        for named in [
            "https://op.example/token",
            "https://op.example/v2/oauth/token?tenant=1",
            "https://op.example:443/v2",
        ] {
            let endpoint = refresh_endpoint(url("https://op.example/token"), &url(named));
            assert_eq!(
                endpoint,
                RefreshEndpoint {
                    url: url(named),
                    moved: false
                }
            );
        }
    }

    #[test]
    fn another_scheme_host_or_port_does_not_move_it() {
        let of_login = url("https://op.example/token");
        for named in [
            "http://op.example/token",
            "https://op.example:8443/token",
            "https://login.op.example/token",
            "https://op.example.evil/token",
        ] {
            let endpoint = refresh_endpoint(of_login.clone(), &url(named));
            assert_eq!(
                endpoint,
                RefreshEndpoint {
                    url: of_login.clone(),
                    moved: true
                },
                "{named}"
            );
        }
    }

    #[test]
    fn gone_is_what_says_so_and_no_mere_trouble() {
        for status in [301, 308, 404, 405, 410] {
            assert!(is_gone(status), "{status}");
        }
        for status in [200, 302, 307, 400, 401, 403, 408, 429, 500, 503] {
            assert!(!is_gone(status), "{status}");
        }
    }

    #[test]
    fn a_token_is_revoked_where_it_was_given_or_at_the_issuers_own() {
        let (gave, issuer) = (
            url("https://api.example/token"),
            url("https://id.example/a"),
        );
        for good in ["https://api.example/revoke", "https://id.example/b/revoke"] {
            assert!(may_revoke_at(&url(good), &gave, &issuer), "{good}");
        }
        for bad in ["https://revoke.example/", "http://api.example/revoke"] {
            assert!(!may_revoke_at(&url(bad), &gave, &issuer), "{bad}");
        }
    }
}
