//! The words of the command line: docs and defaults of cli.md, as clap reads them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use latchkey::{LogLevel, Rotation};
use latchkey_devserver::FAULT_HELP;

/// Log in with any OAuth 2 or OpenID Connect provider, and call the API that its tokens are for.
///
/// Try it without a provider: `latchkey demo`. With one of yours: name it with --issuer and --client-id (or LATCHKEY_ISSUER
/// and LATCHKEY_CLIENT_ID, or in the file latchkey.toml of your configuration folder), then `latchkey login`.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, max_term_width = 110)]
pub(crate) struct Words {
    #[command(flatten)]
    pub(crate) global: GlobalWords,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The options of every command. What is given here wins over the environment, and that over the file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct GlobalWords {
    /// The provider: its issuer identifier, exactly as the provider writes it
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LATCHKEY_ISSUER",
        hide_env_values = true
    )]
    pub(crate) issuer: Option<String>,
    /// The id of the public client at the provider
    #[arg(
        long,
        global = true,
        value_name = "ID",
        env = "LATCHKEY_CLIENT_ID",
        hide_env_values = true
    )]
    pub(crate) client_id: Option<String>,
    /// Where the provider sends the browser back to [default: http://127.0.0.1/callback, at any free port]
    #[arg(
        long,
        global = true,
        value_name = "URI",
        env = "LATCHKEY_REDIRECT_URI",
        hide_env_values = true
    )]
    pub(crate) redirect_uri: Option<String>,
    /// What a login asks for, separated by spaces [default: openid profile offline_access]
    #[arg(
        long,
        global = true,
        value_name = "SCOPES",
        env = "LATCHKEY_SCOPE",
        hide_env_values = true
    )]
    pub(crate) scope: Option<String>,
    /// The API's identifier, at providers that want it as the parameter "audience"
    #[arg(
        long,
        global = true,
        value_name = "ID",
        env = "LATCHKEY_AUDIENCE",
        hide_env_values = true
    )]
    pub(crate) audience: Option<String>,
    /// The API's identifier, at providers that want it as the parameter "resource" (RFC 8707); again for more
    #[arg(
        long,
        global = true,
        value_name = "URI",
        env = "LATCHKEY_RESOURCE",
        hide_env_values = true,
        value_delimiter = ' '
    )]
    pub(crate) resource: Vec<String>,
    /// The protected API; the token goes to this origin and no other
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "LATCHKEY_API",
        hide_env_values = true
    )]
    pub(crate) api: Option<String>,
    /// The folder for the sealed session and its key [default: your data folder, with the key in the system's keyring]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "LATCHKEY_STORE",
        hide_env_values = true
    )]
    pub(crate) store: Option<String>,
    /// Certificates to trust besides the system's
    #[arg(
        long,
        global = true,
        value_name = "PEM",
        env = "LATCHKEY_CA_FILE",
        hide_env_values = true
    )]
    pub(crate) ca_file: Option<String>,
    /// What the provider does with refresh tokens: unknown, none, grace:SECONDS, parent or strict [default: unknown]
    #[arg(long, global = true, value_name = "WORD", env = "LATCHKEY_ROTATION", hide_env_values = true, value_parser = rotation)]
    pub(crate) rotation: Option<Rotation>,
    /// Read this file instead of the latchkey.toml in your configuration folder
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Print one JSON object on one line, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say on stderr what happens; no level prints a secret [default: off]
    #[arg(
        long,
        global = true,
        value_name = "LEVEL",
        env = "LATCHKEY_LOG",
        hide_env_values = true,
        value_enum
    )]
    pub(crate) log: Option<Level>,
    /// Give up after so many seconds [default: 300 for login, 120 for demo, none for serve, 60 else]
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: Option<u64>,
}

/// How much `--log` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Level {
    Off,
    Error,
    Warn,
    Info,
    Debug,
}

impl Level {
    pub(crate) fn level(self) -> Option<LogLevel> {
        match self {
            Self::Off => None,
            Self::Error => Some(LogLevel::Error),
            Self::Warn => Some(LogLevel::Warn),
            Self::Info => Some(LogLevel::Info),
            Self::Debug => Some(LogLevel::Debug),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// See it work: a provider and an API of our own, a login, two calls, a logout
    Demo(DemoWords),
    /// Run the development provider and its API until told to stop
    #[command(after_help = format!("Faults (docs/devserver.md has examples):\n{FAULT_HELP}"))]
    Serve(ServeWords),
    /// Log in with the browser
    Login(LoginWords),
    /// Call the sample API's private endpoints
    Ping {
        /// Which of the two
        #[arg(value_enum, value_name = "ENDPOINT")]
        door: Door,
    },
    /// Call any endpoint of the API
    Call(CallWords),
    /// Print an access token, good for at least a moment
    Token(TokenWords),
    /// Say who is logged in; no network
    Status,
    /// Ask the provider who is logged in
    Userinfo,
    /// Log out, here and at the provider
    Logout(LogoutWords),
    /// Look at everything a login and a call depend on
    Doctor,
    /// Say what happened to the session
    Timeline,
    /// Print the completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DemoWords {
    /// Open the login page with this command instead of the system's browser
    #[arg(long, value_name = "CMD")]
    pub(crate) browser: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeWords {
    /// The port [default: any free one]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(crate) port: u16,
    /// What should go wrong: the words are below and in docs/devserver.md
    #[arg(long, value_name = "SPEC", conflicts_with = "api_only")]
    pub(crate) faults: Option<String>,
    /// Only the API, for the tokens of another provider: name it with --issuer and --audience
    #[arg(long)]
    pub(crate) api_only: bool,
}

#[derive(Debug, Default, Args)]
pub(crate) struct LoginWords {
    /// Only make the address for the browser and keep the login open
    #[arg(long, conflicts_with_all = ["finish", "browser"])]
    pub(crate) begin: bool,
    /// Finish an open login with the address that the browser came back to
    #[arg(long, value_name = "CALLBACK_URL", conflicts_with_all = ["browser", "prompt", "max_age", "login_hint", "acr_values", "ui_locales", "param"])]
    pub(crate) finish: Option<String>,
    /// Open the login page with this command instead of the system's browser
    #[arg(long, value_name = "CMD")]
    pub(crate) browser: Option<String>,
    /// login, consent, none or select_account
    #[arg(long, value_name = "P")]
    pub(crate) prompt: Option<String>,
    /// The provider must have seen the person within so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(crate) max_age: Option<u64>,
    /// The name to fill in
    #[arg(long, value_name = "NAME")]
    pub(crate) login_hint: Option<String>,
    /// How strong the login must be, separated by spaces, best first
    #[arg(long, value_name = "VALUES")]
    pub(crate) acr_values: Option<String>,
    /// Languages for the login page, separated by spaces, best first
    #[arg(long, value_name = "TAGS")]
    pub(crate) ui_locales: Option<String>,
    /// Any other parameter of the provider's; again for more
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub(crate) param: Vec<(String, String)>,
}

/// The two endpoints of the tutorial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Door {
    /// For everybody who is logged in
    Private,
    /// For those with the scope that the API asks for
    PrivateScoped,
}

#[derive(Debug, Args)]
pub(crate) struct CallWords {
    /// GET, POST, …
    pub(crate) method: String,
    /// Below the API's address, e.g. /orders/7
    pub(crate) path: String,
    /// A header, e.g. "Accept: text/plain"; again for more
    #[arg(long, value_name = "NAME: VALUE", value_parser = header)]
    pub(crate) header: Vec<(String, String)>,
    /// The body, or @FILE to read it from a file
    #[arg(long, value_name = "TEXT or @FILE")]
    pub(crate) data: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct TokenWords {
    /// Renew it even though it is good
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Renew it unless it is good for so many seconds
    #[arg(long, value_name = "N")]
    pub(crate) min_validity_seconds: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutWords {
    /// Only forget the session here
    #[arg(long)]
    pub(crate) local: bool,
    /// Where the provider's logout page sends the browser afterwards
    #[arg(long, value_name = "URI")]
    pub(crate) post_logout_redirect_uri: Option<String>,
}

/// The word of `--rotation`.
pub(crate) fn rotation(word: &str) -> Result<Rotation, String> {
    let grace = word
        .strip_prefix("grace:")
        .and_then(|seconds| seconds.parse().ok());
    match (word, grace) {
        ("unknown", _) => Ok(Rotation::Unknown),
        ("none", _) => Ok(Rotation::None),
        ("parent", _) => Ok(Rotation::Parent),
        ("strict", _) => Ok(Rotation::Strict),
        (_, Some(seconds)) => Ok(Rotation::Grace { seconds }),
        _ => Err("write unknown, none, grace:SECONDS, parent or strict".to_owned()),
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write \"NAME: VALUE\"".to_owned()),
    }
}

#[cfg(test)]
mod tests;
