//! What a command works with: flags win over the environment (clap sees to that), and both over `latchkey.toml`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::app_strategy::{AppStrategy as _, AppStrategyArgs, choose_app_strategy};
use latchkey::{AuthConfig, AuthError, ConfigurationProblem, LogLevel, Rotation};
use serde::Deserialize;

use crate::args::{GlobalWords, Level, rotation};

/// Loopback, at any free port (RFC 8252 §7.3).
const REDIRECT_URI: &str = "http://127.0.0.1/callback";

/// The options of every command, from wherever they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) issuer: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) redirect_uri: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) audience: Option<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) api: Option<String>,
    pub(crate) store: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) rotation: Option<Rotation>,
    pub(crate) log: Option<LogLevel>,
    pub(crate) timeout: Option<Duration>,
}

/// `latchkey.toml`. An unknown name in it is an error, because it is a misspelled one.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    issuer: Option<String>,
    client_id: Option<String>,
    redirect_uri: Option<String>,
    scope: Option<String>,
    audience: Option<String>,
    resource: Option<OneOrMore>,
    api: Option<String>,
    store: Option<PathBuf>,
    ca_file: Option<PathBuf>,
    rotation: Option<String>,
    log: Option<Level>,
    timeout: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Settings {
    /// Reads the file, if there is one, and lays the words over it.
    ///
    /// The current folder is not looked at: a file in somebody's repository must not be able to name the API that
    /// gets the token.
    pub(crate) fn load(words: &GlobalWords) -> Result<Self, AuthError> {
        let (path, text) = match &words.config {
            Some(path) => (
                path.clone(),
                read(path).map_err(|error| {
                    problem(
                        "config",
                        format!("{} cannot be read: {error}", path.display()),
                    )
                })?,
            ),
            None => match configuration_folder().map(|folder| folder.join("latchkey.toml")) {
                None => return Self::merge(words, "", Path::new("")),
                Some(path) => match read(&path) {
                    Err(error)
                        if matches!(
                            error.kind(),
                            ErrorKind::NotFound | ErrorKind::NotADirectory
                        ) =>
                    {
                        return Self::merge(words, "", Path::new(""));
                    }
                    Err(error) => {
                        return Err(problem(
                            "config",
                            format!("{} cannot be read: {error}", path.display()),
                        ));
                    }
                    Ok(text) => (path, text),
                },
            },
        };
        Self::merge(words, &text, &path)
    }

    fn merge(words: &GlobalWords, text: &str, path: &Path) -> Result<Self, AuthError> {
        let wrong =
            |reason: String| problem("config", format!("{} is wrong: {reason}", path.display()));
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error
                .span()
                .map_or(1, |span| 1 + text[..span.start].matches('\n').count());
            wrong(format!("line {line}: {}", error.message()))
        })?;
        let from_file = match &file.rotation {
            None => None,
            Some(word) => {
                Some(rotation(word).map_err(|reason| wrong(format!("rotation: {reason}")))?)
            }
        };
        // Paths in the file are meant from where the file is; those in the words from where the person is.
        let beside = |of_file: Option<PathBuf>| {
            of_file.map(|of_file| path.parent().unwrap_or(Path::new("")).join(of_file))
        };
        let resources = match file.resource {
            None => Vec::new(),
            Some(OneOrMore::One(resource)) => vec![resource],
            Some(OneOrMore::More(resources)) => resources,
        };
        let named: Vec<String> = words
            .resource
            .iter()
            .filter(|resource| !resource.is_empty())
            .cloned()
            .collect();
        Ok(Self {
            issuer: given_or(&words.issuer, file.issuer),
            client_id: given_or(&words.client_id, file.client_id),
            redirect_uri: given_or(&words.redirect_uri, file.redirect_uri),
            scope: given_or(&words.scope, file.scope),
            audience: given_or(&words.audience, file.audience),
            resources: if named.is_empty() { resources } else { named },
            api: given_or(&words.api, file.api),
            store: given(&words.store)
                .map(PathBuf::from)
                .or_else(|| beside(file.store)),
            ca_file: given(&words.ca_file)
                .map(PathBuf::from)
                .or_else(|| beside(file.ca_file)),
            rotation: words.rotation.or(from_file),
            log: words.log.or(file.log).and_then(Level::level),
            timeout: words.timeout.or(file.timeout).map(Duration::from_secs),
        })
    }

    /// For the core, which checks it. What is missing is an empty text there.
    pub(crate) fn auth_config(&self) -> Result<AuthConfig, AuthError> {
        let mut config = AuthConfig::new(
            self.issuer.clone().unwrap_or_default(),
            self.client_id.clone().unwrap_or_default(),
            self.redirect_uri(),
        );
        config.scopes = self.scopes();
        config.audience.clone_from(&self.audience);
        config.resources.clone_from(&self.resources);
        config.rotation = self.rotation;
        if let Some(path) = &self.ca_file {
            config.trust_anchors_pem = Some(read(path).map_err(|error| {
                problem(
                    "ca_file",
                    format!("{} cannot be read: {error}", path.display()),
                )
            })?);
        }
        Ok(config)
    }

    /// Empty: the core's default.
    pub(crate) fn scopes(&self) -> Vec<String> {
        self.scope
            .iter()
            .flat_map(|scope| scope.split_whitespace())
            .map(str::to_owned)
            .collect()
    }

    pub(crate) fn redirect_uri(&self) -> &str {
        self.redirect_uri.as_deref().unwrap_or(REDIRECT_URI)
    }

    /// The protected API, which only the commands that call it need.
    pub(crate) fn api(&self) -> Result<String, AuthError> {
        self.api
            .clone()
            .ok_or_else(|| problem("api", missing("api")))
    }
}

/// A mistake of the person at the keyboard, as the core says it: the field, and a sentence on one line.
pub(crate) fn problem(field: &str, reason: impl Into<String>) -> AuthError {
    let mut reason = reason.into().replace(char::is_control, " ");
    if !reason.ends_with('.') {
        reason.push('.');
    }
    AuthError::Configuration {
        problems: vec![ConfigurationProblem {
            field: field.to_owned(),
            reason,
        }],
    }
}

/// Says of what was not given where it can be given, which the core does not know.
pub(crate) fn explain_missing(error: AuthError, settings: &Settings) -> AuthError {
    let AuthError::Configuration { mut problems } = error else {
        return error;
    };
    for problem in &mut problems {
        let is_missing = match problem.field.as_str() {
            "issuer" => settings.issuer.is_none(),
            "client_id" => settings.client_id.is_none(),
            _ => false,
        };
        if is_missing {
            problem.reason = missing(&problem.field);
        }
    }
    AuthError::Configuration { problems }
}

fn missing(field: &str) -> String {
    let flag = field.replace('_', "-");
    let variable = field.to_uppercase();
    format!("is missing; give it with --{flag}, LATCHKEY_{variable} or `{field}` in latchkey.toml.")
}

/// The user's folder for configuration.
pub(crate) fn configuration_folder() -> Option<PathBuf> {
    absolute(choose_app_strategy(application()).ok()?.config_dir())
}

/// The user's folder for data.
pub(crate) fn data_folder() -> Option<PathBuf> {
    absolute(choose_app_strategy(application()).ok()?.data_dir())
}

/// A relative one (where `HOME` is `.`) would be the current folder after all.
fn absolute(folder: PathBuf) -> Option<PathBuf> {
    folder.is_absolute().then_some(folder)
}

fn application() -> AppStrategyArgs {
    AppStrategyArgs {
        top_level_domain: "dev".to_owned(),
        author: "Latchkey".to_owned(),
        app_name: "latchkey".to_owned(),
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    fs::read_to_string(path)
}

/// An empty value counts as not given: that is what a script's unset variable becomes.
fn given(word: &Option<String>) -> Option<String> {
    word.clone().filter(|word| !word.is_empty())
}

fn given_or(word: &Option<String>, of_file: Option<String>) -> Option<String> {
    given(word).or(of_file).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
