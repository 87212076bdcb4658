//! Faults: what an endpoint can be told to do wrong, and the text that tells it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::keys::Signing;
use crate::stats::Endpoint;
use crate::users::Directory;

/// The words of the faults, for people: `POST /faults` answers with it when the text is wrong.
pub const FAULT_HELP: &str = "\
endpoint:fault[=value][,fault[=value]...][@nth];...

endpoint   discovery, jwks, authorize, login (the login page's form), token, userinfo, revoke,
           end_session, api, or * for all of them
@nth       only the nth request after the fault was set, from 1; without it, every request

delay=MILLISECONDS      wait first
gate=NAME               wait until POST /faults/gates/NAME
drop_before_commit      do nothing, close the connection without an answer
drop_after_commit       do the work, close the connection without an answer
partial                 send half of the answer's body, then close the connection
status=N                answer with this status and an HTML body, doing nothing
  error=CODE              with an OAuth error as JSON instead
  retry_after=SECONDS     with this Retry-After
body=BASE64URL          answer with exactly these bytes (200, or status=N), doing nothing
  content_type=TYPE       of the body; application/json when left out
redirect=URL            answer 302 to this address, doing nothing
huge                    answer with a body of 10 MiB, doing nothing
after_commit            status, body, redirect, huge, delay and gate act when the work is done
merge=BASE64URL-JSON    members laid over the JSON answer (at authorize and login: over the
                        parameters of the authorization response); null removes one
expires_in=SECONDS      the token endpoint says that its access token is good for so long
claims=BASE64URL-JSON   claims laid over those of the ID token; null removes one
null_claims=NAME+NAME   these claims of the ID token are null
alg=NAME                sign the ID token with none, HS256, RS256, PS256, ES256 or EdDSA
bad_signature           spoil the ID token's signature
clock=SECONDS           this endpoint's clock is off by so much (negative: behind)
rotate_keys             change the signing keys first
revoke_all              revoke all tokens and end all browsers' sessions first
revoke=USER             the same for one user, by name

example    token:drop_after_commit@1;api:status=429,retry_after=5";

/// A text of faults that cannot be understood. Nothing was changed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("in the fault {entry:?}: {problem}")]
pub struct FaultError {
    entry: String,
    problem: String,
}

/// What one request is to suffer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fault {
    pub(crate) delay: Option<Duration>,
    pub(crate) gate: Option<String>,
    pub(crate) drop_before_commit: bool,
    pub(crate) drop_after_commit: bool,
    pub(crate) partial: bool,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<String>,
    pub(crate) retry_after: Option<u64>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) content_type: Option<String>,
    pub(crate) redirect: Option<String>,
    pub(crate) huge: bool,
    pub(crate) after_commit: bool,
    pub(crate) merge: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    pub(crate) null_claims: Vec<String>,
    pub(crate) alg: Option<Signing>,
    pub(crate) bad_signature: bool,
    pub(crate) clock: i64,
    pub(crate) rotate_keys: bool,
    pub(crate) revoke_all: bool,
    pub(crate) revoke: Option<String>,
}

impl Fault {
    fn set(&mut self, word: &str, value: Option<&str>) -> Result<(), String> {
        let needed = || value.ok_or_else(|| format!("{word} needs a value: {word}=…"));
        let flag = |flag: &mut bool| match value {
            None => {
                *flag = true;
                Ok(())
            }
            Some(_) => Err(format!("{word} takes no value")),
        };
        match word {
            "drop_before_commit" => flag(&mut self.drop_before_commit)?,
            "drop_after_commit" => flag(&mut self.drop_after_commit)?,
            "partial" => flag(&mut self.partial)?,
            "huge" => flag(&mut self.huge)?,
            "after_commit" => flag(&mut self.after_commit)?,
            "bad_signature" => flag(&mut self.bad_signature)?,
            "rotate_keys" => flag(&mut self.rotate_keys)?,
            "revoke_all" => flag(&mut self.revoke_all)?,
            "revoke" => self.revoke = Some(needed()?.to_owned()),
            "delay" => self.delay = Some(Duration::from_millis(number(word, needed()?)?)),
            "gate" => self.gate = Some(needed()?.to_owned()),
            "status" => {
                let status = number(word, needed()?)?;
                if !(200..=599).contains(&status) {
                    return Err("status is a number from 200 to 599".into());
                }
                self.status = Some(status);
            }
            "error" => self.error = Some(header_text(word, needed()?)?),
            "retry_after" => self.retry_after = Some(number(word, needed()?)?),
            "body" => self.body = Some(bytes(word, needed()?)?),
            "content_type" => self.content_type = Some(header_text(word, needed()?)?),
            "redirect" => self.redirect = Some(header_text(word, needed()?)?),
            "merge" => self.merge.extend(object(word, needed()?)?),
            "expires_in" => {
                let seconds: u64 = number(word, needed()?)?;
                self.merge.insert(word.to_owned(), seconds.into());
            }
            "claims" => self.claims = object(word, needed()?)?,
            "null_claims" => self.null_claims = needed()?.split('+').map(str::to_owned).collect(),
            "alg" => {
                let name = needed()?;
                let problem =
                    || format!("{name:?} is no alg: none, HS256, RS256, PS256, ES256, EdDSA");
                self.alg = Some(Signing::parse(name).ok_or_else(problem)?);
            }
            "clock" => self.clock = number(word, needed()?)?,
            _ => return Err(format!("{word:?} is no fault")),
        }
        Ok(())
    }

    /// Adds what `other` says; where both say something, `other` counts.
    fn add(&mut self, other: &Fault) {
        let Fault {
            delay,
            gate,
            status,
            error,
            retry_after,
            body,
            content_type,
            redirect,
            alg,
            revoke,
            ..
        } = other.clone();
        self.delay = delay.or(self.delay);
        self.gate = gate.or(self.gate.take());
        self.status = status.or(self.status);
        self.error = error.or(self.error.take());
        self.retry_after = retry_after.or(self.retry_after);
        self.body = body.or(self.body.take());
        self.content_type = content_type.or(self.content_type.take());
        self.redirect = redirect.or(self.redirect.take());
        self.alg = alg.or(self.alg);
        self.revoke = revoke.or(self.revoke.take());
        self.drop_before_commit |= other.drop_before_commit;
        self.drop_after_commit |= other.drop_after_commit;
        self.partial |= other.partial;
        self.huge |= other.huge;
        self.after_commit |= other.after_commit;
        self.bad_signature |= other.bad_signature;
        self.rotate_keys |= other.rotate_keys;
        self.revoke_all |= other.revoke_all;
        self.clock += other.clock;
        self.merge.extend(other.merge.clone());
        self.claims.extend(other.claims.clone());
        self.null_claims.extend(other.null_claims.clone());
    }
}

fn number<N: std::str::FromStr>(word: &str, value: &str) -> Result<N, String> {
    value
        .parse()
        .map_err(|_| format!("{word} takes a number, not {value:?}"))
}

fn bytes(word: &str, value: &str) -> Result<Vec<u8>, String> {
    BASE64_URL_SAFE_NO_PAD
        .decode(value.trim_end_matches('='))
        .map_err(|_| format!("{word} takes base64url, not {value:?}"))
}

fn object(word: &str, value: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_slice(&bytes(word, value)?)
        .map_err(|_| format!("{word} takes a JSON object in base64url"))
}

/// What goes into an answer's header must be visible ASCII.
fn header_text(word: &str, value: &str) -> Result<String, String> {
    match value.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        true => Ok(value.to_owned()),
        false => Err(format!("{word} takes visible ASCII")),
    }
}

#[derive(Clone, Debug)]
struct Rule {
    text: String,
    /// None: every endpoint.
    endpoint: Option<Endpoint>,
    nth: Option<u64>,
    seen: u64,
    fault: Fault,
}

impl Rule {
    fn parse(entry: &str, users: &Directory) -> Result<Rule, FaultError> {
        let wrong = |problem: String| FaultError {
            entry: entry.to_owned(),
            problem,
        };
        let (endpoint, faults) = entry
            .split_once(':')
            .ok_or_else(|| wrong("write endpoint:fault".into()))?;
        let endpoint = match endpoint.trim() {
            "*" => None,
            name => Some(Endpoint::parse(name).ok_or_else(|| {
                let names: Vec<_> = Endpoint::ALL.iter().map(|e| e.name()).collect();
                wrong(format!(
                    "{name:?} is no endpoint: {}, or *",
                    names.join(", ")
                ))
            })?),
        };
        let (faults, nth) = match faults.rsplit_once('@') {
            Some((faults, nth)) => {
                let nth = nth.trim().parse().ok().filter(|&nth| nth > 0);
                let problem = || wrong("@ is followed by the number of a request, from 1".into());
                (faults, Some(nth.ok_or_else(problem)?))
            }
            None => (faults, None),
        };
        let mut fault = Fault::default();
        for part in faults.split(',') {
            let (word, value) = match part.split_once('=') {
                Some((word, value)) => (word, Some(value.trim())),
                None => (part, None),
            };
            fault.set(word.trim(), value).map_err(wrong)?;
        }
        if let Some(name) = &fault.revoke {
            users.named(name).map_err(wrong)?;
        }
        Ok(Rule {
            text: entry.to_owned(),
            endpoint,
            nth,
            seen: 0,
            fault,
        })
    }
}

/// The faults that are set.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<Rule>>);

impl Faults {
    fn lock(&self) -> MutexGuard<'_, Vec<Rule>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces all faults, or none when the text is wrong. Returns the gates that it names.
    pub(crate) fn replace(&self, text: &str, users: &Directory) -> Result<Vec<String>, FaultError> {
        let entries = text
            .split([';', '\n'])
            .map(str::trim)
            .filter(|entry| !entry.is_empty());
        let rules = entries
            .map(|entry| Rule::parse(entry, users))
            .collect::<Result<Vec<_>, _>>()?;
        let gates = rules
            .iter()
            .filter_map(|rule| rule.fault.gate.clone())
            .collect();
        *self.lock() = rules;
        Ok(gates)
    }

    /// What the request that has just come to `endpoint` is to suffer.
    pub(crate) fn next(&self, endpoint: Endpoint) -> Fault {
        let mut fault = Fault::default();
        for rule in self.lock().iter_mut() {
            if rule.endpoint.is_none_or(|of_rule| of_rule == endpoint) {
                rule.seen += 1;
                if rule.nth.is_none_or(|nth| nth == rule.seen) {
                    fault.add(&rule.fault);
                }
            }
        }
        fault
    }

    pub(crate) fn to_json(&self) -> Value {
        let row = |rule: &Rule| json!({ "fault": rule.text, "requests": rule.seen });
        self.lock().iter().map(row).collect()
    }
}

/// Lays `over` on `members`; null removes a member.
pub(crate) fn merge(members: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (name, value) in over {
        match value {
            Value::Null => drop(members.remove(name)),
            value => drop(members.insert(name.clone(), value.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
