//! Who asks for what, again and again: Alice, her tokens, and calls that go on beside the test.

use std::sync::Arc;

use latchkey::{
    AccessToken, AccessTokenOptions, Auth, AuthError, LogoutOptions, Session, SignedOutReason,
};
use tokio::task::JoinHandle;

use crate::puppet_store::PuppetStore;
use crate::world::{World, in_time, state};

/// A token that is good.
pub const PLAIN: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: false,
};

/// A new token.
pub const FORCE: AccessTokenOptions = AccessTokenOptions {
    min_validity_seconds: None,
    force_refresh: true,
};

/// Out at this device alone.
pub const LOCAL: LogoutOptions = LogoutOptions {
    local: true,
    post_logout_redirect_uri: None,
};

/// What a call gets after a logout.
pub const LOGGED_OUT: AuthError = AuthError::LoginRequired {
    reason: SignedOutReason::LoggedOut,
};

/// What comes of a call for a token.
pub type Answer = Result<AccessToken, AuthError>;

/// Alice is logged in, and no request is counted yet.
pub async fn alice() -> (World, Arc<Auth>) {
    let world = World::new().await;
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    world.server.reset_counts();
    (world, auth)
}

/// Alice is logged in, and the strings of the store are in the test's hands.
pub async fn alice_on_strings() -> (World, Arc<PuppetStore>, Arc<Auth>) {
    let (world, store) = World::new().await.on_strings();
    let auth = world.app();
    world.log_in(&auth, "alice").await;
    (world, store, auth)
}

/// Asks for a token that is good.
pub async fn token(auth: &Auth) -> Answer {
    in_time(auth.access_token(PLAIN, None)).await
}

/// Asks for a new token.
pub async fn forced(auth: &Auth) -> Answer {
    in_time(auth.access_token(FORCE, None)).await
}

/// A call for a token beside the test.
pub fn asking(auth: &Arc<Auth>, options: AccessTokenOptions) -> JoinHandle<Answer> {
    let auth = Arc::clone(auth);
    tokio::spawn(async move { auth.access_token(options, None).await })
}

/// The end of a call that went on beside the test.
pub async fn end<T>(call: JoinHandle<T>) -> T {
    in_time(call).await.expect("no panic")
}

/// A refresh whose answer is held at the server's gate `late`.
pub struct Late(JoinHandle<Answer>);

impl Late {
    /// Asks under these faults, and waits until the gate is reached.
    pub async fn refresh(
        world: &World,
        auth: &Arc<Auth>,
        options: AccessTokenOptions,
        faults: &str,
    ) -> Late {
        world.server.set_faults(faults).expect("faults");
        let call = asking(auth, options);
        in_time(world.server.gate_reached("late")).await;
        Late(call)
    }

    /// Opens the gate; returns what came of the call.
    pub async fn arrives(self, world: &World) -> Answer {
        world.server.open_gate("late");
        end(self.0).await
    }
}

/// Who is logged in, or why nobody is.
pub fn who(session: &Session) -> String {
    match session {
        Session::SignedIn { subject, .. } => subject.clone().unwrap_or_default(),
        other => state(other),
    }
}

/// Whether somebody is logged in and the store has what memory tells.
pub fn is_persisted(auth: &Auth) -> bool {
    matches!(
        auth.session(),
        Session::SignedIn {
            persisted: true,
            ..
        }
    )
}
