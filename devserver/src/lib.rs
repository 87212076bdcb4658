//! An OpenID provider and a protected API, in memory, for development and tests. Nothing here is
//! for production: the keys and passwords are public, and it listens on loopback only.
//!
//! # What it serves
//!
//! [`DevServer::start`] binds a loopback port and serves, under one issuer:
//!
//! * discovery (OpenID Connect Discovery and RFC 8414) and the JWK set;
//! * the authorization endpoint with a plain HTML login page: code flow, PKCE `S256` enforced,
//!   exact redirect URIs except for the port of a loopback one (RFC 8252 §7.3), `iss` in every
//!   authorization response (RFC 9207);
//! * the token endpoint: `authorization_code` and `refresh_token`, with a choice of what happens
//!   to a refresh token that is used twice ([`Rotation`]);
//! * userinfo, revocation (RFC 7009), RP-initiated logout;
//! * the API that the tokens are for: `/api/public`, `/api/private`, `/api/private-scoped`,
//!   `/api/step-up`, `/api/echo`.
//!
//! Whoever logs in without naming an audience (`audience`, or `resource` of RFC 8707) gets an
//! opaque access token, as at many providers; the API's refusal then says what to set.
//!
//! Users, roles, and the rules that turn roles into scopes are data: `users.toml`.
//!
//! # Faults
//!
//! Every endpoint can be told to misbehave, by [`Options::faults`], [`DevServer::set_faults`] or
//! `POST /faults`, in a text of the form `endpoint:fault=value[@nth];…`:
//!
//! ```text
//! token:drop_after_commit@1;api:status=429,retry_after=5
//! ```
//!
//! The words are listed in [`FAULT_HELP`].
//!
//! # Example
//!
//! ```
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! use latchkey_devserver::{DevServer, Options};
//!
//! let server = DevServer::start(Options::default()).await?;
//! server.set_faults("token:status=503@1")?;
//! println!("{} guards {}", server.issuer(), server.api());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod admin;
mod api;
mod api_server;
mod authorize;
mod discovery;
mod end_session;
mod fault_layer;
mod faults;
mod gates;
mod grants;
mod guard;
mod http_client;
mod keys;
mod listener;
mod login;
mod options;
mod page;
mod params;
mod provider;
mod remote_keys;
mod revoke;
mod server;
mod stats;
mod submit_login;
mod token;
mod userinfo;
mod users;

pub use api_server::{ApiOptions, ApiServer};
pub use faults::{FAULT_HELP, FaultError};
pub use options::{IdTokenAlg, Options, Rotation, RotationError, StartError};
pub use server::DevServer;
pub use submit_login::{SubmitError, submit_login};
pub use users::User;
