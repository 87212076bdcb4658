//! The exported enums without fields: each variant is one word, the same in JSON, logs and vectors.

/// Defines an exported enum without fields, each variant with its word in `latchkey --json`.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, uniffi::Enum)]
        pub enum $name { $($(#[$doc])* $variant,)+ }

        #[uniffi::export]
        impl $name {
            /// The word for it in `latchkey --json`, in logs and in the test vectors.
            pub fn word(&self) -> String {
                match self { $(Self::$variant => $word,)+ }.to_owned()
            }
        }

        impl $name {
            /// The variant with this word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// Why nobody is logged in.
    SignedOutReason {
        /// Nobody has logged in yet.
        Never = "never",
        /// The app, or the person, logged out.
        LoggedOut = "logged_out",
        /// The provider ended the session: a password change, an administrator, its own rules.
        Revoked = "revoked",
        /// The provider refused the refresh token while an earlier send of it was open: its answer never came, broke off,
        /// or was a 5xx. Most likely that send had spent it.
        RotationInterrupted = "rotation_interrupted",
        /// The access token ended and there was no refresh token.
        Expired = "expired",
        /// The provider answered a refresh with another person's token. It was not kept.
        SubjectChanged = "subject_changed",
        /// The device lost the stored session: a restored backup, a key that is gone.
        StorageLost = "storage_lost",
    }
}

words! {
    /// Why a callback was not taken. Nothing was changed and nothing was sent.
    CallbackIgnoredReason {
        /// No login is open.
        NoPendingLogin = "no_pending_login",
        /// A login is open, but this is not the answer to it.
        StateMismatch = "state_mismatch",
        /// The answer came to another address than the login named.
        RedirectMismatch = "redirect_mismatch",
        /// This answer was taken already.
        AlreadyUsed = "already_used",
        /// The login had been open for too long.
        Expired = "expired",
    }
}

words! {
    /// What kept a request from being answered.
    NetworkReason {
        /// No connection, no such host.
        Offline = "offline",
        /// The deadline passed.
        Timeout = "timeout",
        /// No trusted encrypted connection: nothing was sent.
        Tls = "tls",
        /// The server cannot answer now, or broke off.
        Unavailable = "unavailable",
        /// The server asks for fewer requests.
        RateLimited = "rate_limited",
    }
}

words! {
    /// What the API wants more of.
    StepUpReason {
        /// A scope that this session was not given (RFC 6750 §3.1).
        InsufficientScope = "insufficient_scope",
        /// A stronger or fresher login (RFC 9470).
        InsufficientUserAuthentication = "insufficient_user_authentication",
    }
}

words! {
    /// What is wrong with the store. Nothing was erased.
    StorageReason {
        /// The device must be unlocked first.
        Locked = "locked",
        /// What is stored cannot be read; a new login replaces it.
        Corrupt = "corrupt",
        /// A newer version of the app wrote it.
        Incompatible = "incompatible",
        /// It failed for now: a full disk, a busy system.
        Unavailable = "unavailable",
    }
}

words! {
    /// What the app should offer the person next.
    Recovery {
        /// Show the text, nothing else.
        Nothing = "none",
        /// Go on waiting for the right callback.
        KeepWaiting = "keep_waiting",
        /// Offer a login.
        LogIn = "log_in",
        /// Start a login with the options that the error carries.
        StepUp = "step_up",
        /// Try the same again, after `retry_after_seconds` where given.
        Retry = "retry",
        /// Offer to send a report: trying again does not help.
        Report = "report",
        /// Ask for the device to be unlocked, then try again.
        Unlock = "unlock",
        /// Ask for an update of the app.
        UpdateApp = "update_app",
        /// Ask for the device's clock to be set.
        FixClock = "fix_clock",
        /// For the developer: mend the configuration.
        FixConfiguration = "fix_configuration",
    }
}

words! {
    /// What became of the provider's copy of the session at a logout. The local logout is done in every case.
    Revocation {
        /// The provider has ended it.
        Done = "done",
        /// The provider refused, or takes revocations at an origin that did not give the token.
        Failed = "failed",
        /// It could not be reached: the tokens end by themselves.
        Pending = "pending",
        /// There was nothing to revoke, or the provider has no way to.
        NotNeeded = "none",
    }
}

words! {
    /// How one check of [`crate::Auth::check_up`] ended.
    CheckResult {
        /// As it should be.
        Ok = "ok",
        /// Works, but read the detail.
        Warning = "warning",
        /// Does not work: the detail says what to do.
        Failed = "failed",
    }
}
