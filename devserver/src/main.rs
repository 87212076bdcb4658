//! Runs the development provider and API until it is told to stop; see the library.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use latchkey_devserver::{
    ApiOptions, ApiServer, DevServer, FAULT_HELP, IdTokenAlg, Options, Rotation,
};

/// An OpenID provider and a protected API in memory, for development and tests. Listens on
/// loopback only. When it is ready it prints one line of JSON.
#[derive(Debug, Parser)]
#[command(version, after_help = format!("Faults:\n{FAULT_HELP}"))]
struct Arguments {
    /// TCP port; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Faults to begin with
    #[arg(long, value_name = "SPEC", default_value = "")]
    faults: String,
    /// What happens to refresh tokens: none, strict, grace:SECONDS or parent
    #[arg(long, value_name = "WORD", default_value = "strict")]
    rotation: Rotation,
    /// How long access tokens live
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    access_token_seconds: u64,
    /// Path of the issuer, for example /tenant
    #[arg(long, value_name = "PATH", default_value = "")]
    issuer_path: String,
    /// Users and roles, instead of those that ship
    #[arg(long, value_name = "TOML")]
    users: Option<PathBuf>,
    /// Sign with ES256 instead of RS256
    #[arg(long)]
    es256: bool,
    /// One more redirect URI; may be given again and again
    #[arg(long, value_name = "URI")]
    redirect_uri: Vec<String>,
    /// One more audience; may be given again and again
    #[arg(long, value_name = "ID")]
    extra_audience: Vec<String>,
    /// Serve the API alone, for tokens of --issuer with --audience
    #[arg(long, requires = "issuer", requires = "audience")]
    api_only: bool,
    /// The other issuer
    #[arg(long, value_name = "URL", requires = "api_only")]
    issuer: Option<String>,
    /// What the other issuer's tokens are for
    #[arg(long, value_name = "ID", requires = "api_only")]
    audience: Option<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "a command's error belongs on stderr")]
            {
                eprintln!("latchkey-devserver: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    if arguments.api_only {
        let options = ApiOptions {
            port: arguments.port,
            issuer: arguments.issuer.unwrap_or_default(),
            audience: arguments.audience.unwrap_or_default(),
        };
        let server = ApiServer::start(options).await?;
        print_ready(&server.ready_json());
        tokio::signal::ctrl_c().await?;
        server.stop().await;
        return Ok(());
    }
    let users = arguments.users.map(std::fs::read_to_string).transpose()?;
    let server = DevServer::start(Options {
        port: arguments.port,
        faults: arguments.faults,
        rotation: arguments.rotation,
        access_token_seconds: arguments.access_token_seconds,
        issuer_path: arguments.issuer_path,
        users,
        id_token_alg: if arguments.es256 {
            IdTokenAlg::Es256
        } else {
            IdTokenAlg::Rs256
        },
        extra_redirect_uris: arguments.redirect_uri,
        extra_audiences: arguments.extra_audience,
        ..Options::default()
    })
    .await?;
    print_ready(&server.ready_json());
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(())
}

#[expect(
    clippy::print_stdout,
    reason = "the ready line is this command's output"
)]
fn print_ready(line: &serde_json::Value) {
    println!("{line}");
}
