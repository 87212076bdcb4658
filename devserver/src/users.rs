//! Who can log in, and the rules that turn their roles into scopes.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Map, Value};

/// The users that ship.
pub(crate) const DEFAULT: &str = include_str!("users.toml");

/// Scopes that need no role.
const FOR_EVERYBODY: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// Somebody who can log in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// What is typed into the login page.
    pub name: String,
    /// The password, in the clear: this is a development server.
    pub password: String,
    /// The `sub` claim.
    pub subject: String,
    /// Names of roles, each a key of `[roles]` in the file.
    #[serde(default)]
    pub roles: Vec<String>,
    /// Claims that the scope `profile` gives.
    #[serde(default)]
    pub profile: Map<String, Value>,
    /// Claims that the scope `email` gives.
    #[serde(default)]
    pub email: Map<String, Value>,
    /// The API scopes that the roles give; computed, not read from the file.
    #[serde(skip)]
    pub scopes: Vec<String>,
}

impl User {
    /// The part of `requested` that this user may have, in the order of the request.
    pub(crate) fn granted(&self, requested: &[String]) -> Vec<String> {
        let allowed =
            |scope: &str| FOR_EVERYBODY.contains(&scope) || self.scopes.iter().any(|s| s == scope);
        requested
            .iter()
            .filter(|scope| allowed(scope))
            .cloned()
            .collect()
    }

    /// The claims about the person that `scopes` ask for (OpenID Connect Core §5.4), with `sub`.
    pub(crate) fn claims(&self, scopes: &[String]) -> Map<String, Value> {
        let mut claims = Map::from_iter([("sub".to_owned(), Value::from(self.subject.as_str()))]);
        for (scope, of_scope) in [("profile", &self.profile), ("email", &self.email)] {
            if scopes.iter().any(|s| s == scope) {
                claims.extend(of_scope.clone());
            }
        }
        claims
    }
}

/// All users, and all scopes that exist.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(crate) users: Vec<User>,
    pub(crate) scopes: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    roles: BTreeMap<String, Vec<String>>,
    users: Vec<User>,
}

impl Directory {
    /// Reads a users file; the error is a sentence for the person who wrote it.
    pub(crate) fn parse(text: &str) -> Result<Directory, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut users = file.users;
        for user in &mut users {
            for role in &user.roles {
                let of_role = file.roles.get(role).ok_or_else(|| {
                    format!(
                        "user {:?} has the role {role:?}, which [roles] does not define",
                        user.name
                    )
                })?;
                user.scopes.extend(of_role.clone());
            }
        }
        let scopes = FOR_EVERYBODY
            .iter()
            .map(|&scope| scope.to_owned())
            .chain(file.roles.into_values().flatten())
            .collect();
        Ok(Directory { users, scopes })
    }

    pub(crate) fn by_subject(&self, subject: &str) -> Option<&User> {
        self.users.iter().find(|user| user.subject == subject)
    }

    /// The user of this name; the error says which there are.
    pub(crate) fn named(&self, name: &str) -> Result<&User, String> {
        self.users
            .iter()
            .find(|user| user.name == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.users.iter().map(|user| user.name.as_str()).collect();
                format!("{name:?} is no user: {}", names.join(", "))
            })
    }

    /// The user with this name and password.
    pub(crate) fn check(&self, name: &str, password: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.name == name && user.password == password)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_role_gives_its_scopes_and_other_requested_scopes_are_left_out() {
        let directory = Directory::parse(DEFAULT).unwrap();
        let requested = words("openid read:messages write:messages");
        let alice = directory.check("alice", "alice-password").unwrap();
        assert_eq!(alice.granted(&requested), words("openid read:messages"));
        let bob = directory.check("bob", "bob-password").unwrap();
        assert_eq!(bob.granted(&requested), words("openid"));
    }

    #[test]
    fn a_role_that_is_not_defined_is_named_in_the_error() {
        let text = "[[users]]\nname='eve'\npassword='x'\nsubject='eve'\nroles=['writer']";
        let error = Directory::parse(text).unwrap_err();
        assert!(error.contains("\"writer\""), "{error}");
    }

    #[test]
    fn claims_follow_the_scopes() {
        let directory = Directory::parse(DEFAULT).unwrap();
        let alice = directory.by_subject("dev|alice").unwrap();
        assert_eq!(alice.claims(&words("openid")).len(), 1);
        assert_eq!(
            alice.claims(&words("openid email"))["email"],
            "alice@latchkey.test"
        );
    }
}
