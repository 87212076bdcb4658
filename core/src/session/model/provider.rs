//! The provider: what it does with a refresh token. The same rules as those of the development server.

use super::state::{Death, Family, TOKENS};

/// What happens to a refresh token that is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// It stays.
    None,
    /// A second use ends the family.
    Strict,
    /// A second use is accepted for so many seconds after the first, while its children are unused.
    Grace(u64),
    /// A second use is accepted while the child is unused, and gives the same child.
    Parent,
}

impl Family {
    /// With the tokens that a login brought, and those of this many refreshes.
    pub(super) fn new(issued: u8) -> Self {
        Self {
            issued,
            ..Self::default()
        }
    }

    /// Uses a refresh token. The answer is the new one; `None` is `invalid_grant`.
    pub(super) fn redeem(
        &mut self,
        token: u8,
        policy: Policy,
        now: u8,
        seconds: impl Fn(u8) -> u64,
    ) -> Option<u8> {
        let place = usize::from(token);
        if self.dead.is_some() {
            return None;
        }
        let late = match (policy, self.spent_at[place]) {
            (Policy::None, _) => return Some(token),
            (_, None) => return self.issue(token, now),
            (Policy::Grace(grace), Some(spent)) => {
                let late = seconds(now - spent) > grace;
                if !late && self.children(token).all(|child| self.is_unused(child)) {
                    return self.issue(token, now);
                }
                late
            }
            (Policy::Parent, Some(_)) => {
                if self.children(token).all(|child| self.is_unused(child)) {
                    return self.children(token).next();
                }
                false
            }
            (Policy::Strict, Some(_)) => false,
        };
        self.dead = Some(if late { Death::LateReuse } else { Death::Reuse });
        None
    }

    fn issue(&mut self, parent: u8, now: u8) -> Option<u8> {
        let child = self.issued;
        // The bounds of the model keep it from getting here; if they don't, this is no silent success.
        assert!(
            usize::from(child) < TOKENS,
            "more refreshes than the model has room for"
        );
        self.issued += 1;
        self.parent[usize::from(child)] = parent;
        self.spent_at[usize::from(parent)].get_or_insert(now);
        Some(child)
    }

    fn children(&self, of: u8) -> impl Iterator<Item = u8> + '_ {
        (1..self.issued).filter(move |child| self.parent[usize::from(*child)] == of && *child != of)
    }

    fn is_unused(&self, token: u8) -> bool {
        self.spent_at[usize::from(token)].is_none()
    }

    pub(super) fn revoke(&mut self) {
        self.dead.get_or_insert(Death::Revoked);
    }
}
