//! What has been granted: codes, access tokens, refresh tokens, and the sessions of browsers.

use std::collections::HashMap;

use crate::Rotation;
use crate::authorize::AuthorizationRequest;
use crate::keys::random;

/// A browser's session at the provider (single sign-on), named by a cookie.
#[derive(Clone, Debug)]
pub(crate) struct BrowserSession {
    pub(crate) subject: String,
    /// When the person last typed the password, in seconds since 1970.
    pub(crate) auth_time: u64,
    pub(crate) acr: String,
    /// The `sid` claim: another value than the cookie, which is a secret.
    pub(crate) sid: String,
}

/// What one login granted to the client.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) session: BrowserSession,
    pub(crate) scopes: Vec<String>,
    pub(crate) audiences: Vec<String>,
    pub(crate) nonce: Option<String>,
}

impl Grant {
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scopes.iter().any(|known| known == scope)
    }
}

/// Names a grant. It dies with its revocation, and everything issued from it dies too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct GrantId(u64);

#[derive(Clone, Debug)]
struct Code {
    request: AuthorizationRequest,
    grant: GrantId,
    expires_at: u64,
    used: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    pub(crate) grant: GrantId,
    pub(crate) scopes: Vec<String>,
    pub(crate) expires_at: u64,
}

#[derive(Clone, Debug)]
struct RefreshToken {
    grant: GrantId,
    spent_at: Option<u64>,
    /// What its uses gave.
    children: Vec<String>,
}

/// A refresh that was allowed.
#[derive(Debug)]
pub(crate) struct Refreshed {
    pub(crate) id: GrantId,
    pub(crate) grant: Grant,
    /// None: the old one stays.
    pub(crate) refresh_token: Option<String>,
}

/// Why a code or a refresh token is refused; all of it is `invalid_grant` to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Unknown,
    Expired,
    /// A second use, which revoked everything that came of the first.
    Reused,
}

/// Everything granted, in memory.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    next: u64,
    grants: HashMap<GrantId, Grant>,
    codes: HashMap<String, Code>,
    access: HashMap<String, AccessToken>,
    refresh: HashMap<String, RefreshToken>,
    /// By the value of the cookie.
    pub(crate) sessions: HashMap<String, BrowserSession>,
    /// Authorization requests whose login page is open, by the page's hidden field.
    pub(crate) open: HashMap<String, AuthorizationRequest>,
}

impl Grants {
    pub(crate) fn code(
        &mut self,
        request: AuthorizationRequest,
        grant: Grant,
        expires_at: u64,
    ) -> String {
        self.next += 1;
        let id = GrantId(self.next);
        self.grants.insert(id, grant);
        let code = random();
        self.codes.insert(
            code.clone(),
            Code {
                request,
                grant: id,
                expires_at,
                used: false,
            },
        );
        code
    }

    /// Spends a code. The caller goes on to compare the verifier: a wrong guess costs the code.
    pub(crate) fn redeem(
        &mut self,
        code: &str,
        now: u64,
    ) -> Result<(AuthorizationRequest, GrantId, Grant), Refused> {
        let code = self.codes.get_mut(code).ok_or(Refused::Unknown)?;
        let id = code.grant;
        if std::mem::replace(&mut code.used, true) {
            // RFC 6749 §4.1.2: revoke, if possible, all tokens that came of the code.
            self.revoke(id);
            return Err(Refused::Reused);
        }
        if now > code.expires_at {
            return Err(Refused::Expired);
        }
        let grant = self.grants.get(&id).ok_or(Refused::Unknown)?;
        Ok((code.request.clone(), id, grant.clone()))
    }

    pub(crate) fn add_refresh(&mut self, grant: GrantId) -> String {
        let token = random();
        let children = Vec::new();
        self.refresh.insert(
            token.clone(),
            RefreshToken {
                grant,
                spent_at: None,
                children,
            },
        );
        token
    }

    /// Under `name`: the token itself when it is opaque, its `jti` when it is a JWT.
    pub(crate) fn add_access(&mut self, name: &str, token: AccessToken) {
        self.access.insert(name.to_owned(), token);
    }

    /// The access token of this name and its grant, if neither was revoked.
    pub(crate) fn access(&self, name: &str) -> Option<(&AccessToken, &Grant)> {
        let token = self.access.get(name)?;
        Some((token, self.grants.get(&token.grant)?))
    }

    /// What a refresh token would give, without using it.
    pub(crate) fn peek_refresh(&self, token: &str) -> Option<&Grant> {
        self.grants.get(&self.refresh.get(token)?.grant)
    }

    /// Uses a refresh token.
    pub(crate) fn use_refresh(
        &mut self,
        token: &str,
        rotation: Rotation,
        now: u64,
    ) -> Result<Refreshed, Refused> {
        let used = self.refresh.get(token).ok_or(Refused::Unknown)?.clone();
        let grant = self
            .grants
            .get(&used.grant)
            .ok_or(Refused::Unknown)?
            .clone();
        let id = used.grant;
        let child = match (rotation, used.spent_at) {
            (Rotation::None, _) => None,
            (_, None) => Some(self.add_refresh(id)),
            (Rotation::Grace(seconds), Some(spent_at))
                if now.saturating_sub(spent_at) <= seconds && self.all_unused(&used.children) =>
            {
                Some(self.add_refresh(id))
            }
            (Rotation::Parent, Some(_)) if self.all_unused(&used.children) => {
                used.children.first().cloned()
            }
            (_, Some(_)) => {
                self.revoke(id);
                return Err(Refused::Reused);
            }
        };
        if let (Some(child), Some(token)) = (&child, self.refresh.get_mut(token)) {
            token.spent_at.get_or_insert(now);
            if !token.children.contains(child) {
                token.children.push(child.clone());
            }
        }
        Ok(Refreshed {
            id,
            grant,
            refresh_token: child,
        })
    }

    fn all_unused(&self, tokens: &[String]) -> bool {
        let unused = |token| {
            self.refresh
                .get(token)
                .is_some_and(|t| t.spent_at.is_none())
        };
        tokens.iter().all(unused)
    }

    /// RFC 7009: a refresh token takes its whole grant with it, an access token goes alone.
    pub(crate) fn revoke_token(&mut self, token: &str, jti: Option<&str>) {
        if let Some(refresh) = self.refresh.get(token) {
            self.revoke(refresh.grant);
        } else {
            self.access.remove(jti.unwrap_or(token));
        }
    }

    pub(crate) fn revoke(&mut self, grant: GrantId) {
        self.grants.remove(&grant);
    }

    /// Ends everything: tokens and browsers' sessions.
    pub(crate) fn revoke_all(&mut self) {
        self.grants.clear();
        self.sessions.clear();
    }

    /// The same for one person.
    pub(crate) fn revoke_subject(&mut self, subject: &str) {
        self.grants
            .retain(|_, grant| grant.session.subject != subject);
        self.sessions
            .retain(|_, session| session.subject != subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants() -> (Grants, GrantId) {
        let mut grants = Grants::default();
        let session = BrowserSession {
            subject: "alice".into(),
            auth_time: 0,
            acr: "pwd".into(),
            sid: "sid".into(),
        };
        let grant = Grant {
            session,
            scopes: vec![],
            audiences: vec![],
            nonce: None,
        };
        grants.grants.insert(GrantId(1), grant);
        (grants, GrantId(1))
    }

    fn refresh(
        grants: &mut Grants,
        token: &str,
        rotation: Rotation,
        now: u64,
    ) -> Result<String, Refused> {
        let refreshed = grants.use_refresh(token, rotation, now)?;
        Ok(refreshed.refresh_token.unwrap_or_default())
    }

    #[test]
    fn strict_revokes_the_family_at_the_second_use() {
        let (mut grants, id) = grants();
        let first = grants.add_refresh(id);
        let second = refresh(&mut grants, &first, Rotation::Strict, 0).unwrap();
        assert_eq!(
            refresh(&mut grants, &first, Rotation::Strict, 0),
            Err(Refused::Reused)
        );
        assert_eq!(
            refresh(&mut grants, &second, Rotation::Strict, 0),
            Err(Refused::Unknown)
        );
    }

    #[test]
    fn grace_accepts_the_last_spent_token_until_the_seconds_are_over() {
        let (mut grants, id) = grants();
        let rotation = Rotation::Grace(30);
        let first = grants.add_refresh(id);
        let second = refresh(&mut grants, &first, rotation, 100).unwrap();
        let sibling = refresh(&mut grants, &first, rotation, 130).unwrap();
        assert_ne!(second, sibling);
        refresh(&mut grants, &sibling, rotation, 131).unwrap();
        assert_eq!(
            refresh(&mut grants, &first, rotation, 131),
            Err(Refused::Reused)
        );
    }

    #[test]
    fn grace_counts_from_the_first_use() {
        let (mut grants, id) = grants();
        let first = grants.add_refresh(id);
        refresh(&mut grants, &first, Rotation::Grace(30), 100).unwrap();
        refresh(&mut grants, &first, Rotation::Grace(30), 120).unwrap();
        assert_eq!(
            refresh(&mut grants, &first, Rotation::Grace(30), 131),
            Err(Refused::Reused)
        );
    }

    #[test]
    fn parent_gives_the_same_child_until_the_child_is_used() {
        let (mut grants, id) = grants();
        let first = grants.add_refresh(id);
        let second = refresh(&mut grants, &first, Rotation::Parent, 0).unwrap();
        assert_eq!(
            refresh(&mut grants, &first, Rotation::Parent, 9999),
            Ok(second.clone())
        );
        refresh(&mut grants, &second, Rotation::Parent, 9999).unwrap();
        assert_eq!(
            refresh(&mut grants, &first, Rotation::Parent, 9999),
            Err(Refused::Reused)
        );
    }

    #[test]
    fn none_keeps_the_token() {
        let (mut grants, id) = grants();
        let token = grants.add_refresh(id);
        for _ in 0..3 {
            assert_eq!(
                refresh(&mut grants, &token, Rotation::None, 0),
                Ok(String::new())
            );
        }
    }

    #[test]
    fn a_revocation_for_one_person_leaves_the_others_logged_in() {
        let (mut grants, alice) = grants();
        let mut of_bob = grants.grants[&alice].clone();
        of_bob.session.subject = "bob".into();
        let bob = GrantId(2);
        grants.grants.insert(bob, of_bob.clone());
        grants.sessions.insert("cookie".into(), of_bob.session);
        let tokens = [alice, bob].map(|id| grants.add_refresh(id));
        grants.revoke_subject("alice");
        let used = tokens.map(|token| refresh(&mut grants, &token, Rotation::None, 0));
        assert_eq!(used, [Err(Refused::Unknown), Ok(String::new())]);
        grants.revoke_subject("bob");
        assert!(grants.grants.is_empty() && grants.sessions.is_empty());
    }
}
