use super::*;

fn words() -> GlobalWords {
    GlobalWords::default()
}

fn merge(words: &GlobalWords, text: &str) -> Settings {
    Settings::merge(
        words,
        text,
        Path::new("/home/ann/.config/latchkey/latchkey.toml"),
    )
    .unwrap()
}

fn reason(words: &GlobalWords, text: &str) -> String {
    Settings::merge(words, text, Path::new("latchkey.toml"))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_word_wins_over_the_file_and_the_file_over_nothing() {
    let file = "issuer = 'https://file.test'\nscope = 'openid'\nlog = 'debug'\ntimeout = 9";
    let settings = merge(
        &GlobalWords {
            issuer: Some("https://word.test".to_owned()),
            ..words()
        },
        file,
    );
    assert_eq!(settings.issuer.as_deref(), Some("https://word.test"));
    assert_eq!(settings.scope.as_deref(), Some("openid"));
    assert_eq!(settings.log, Some(LogLevel::Debug));
    assert_eq!(settings.timeout, Some(Duration::from_secs(9)));
    assert_eq!(settings.redirect_uri(), "http://127.0.0.1/callback");
}

#[test]
fn the_word_off_silences_a_log_that_the_file_turns_on() {
    let settings = merge(
        &GlobalWords {
            log: Some(Level::Off),
            ..words()
        },
        "log = 'debug'",
    );
    assert_eq!(settings.log, None);
}

#[test]
fn an_empty_word_counts_as_not_given() {
    let empty = GlobalWords {
        api: Some(String::new()),
        resource: vec![String::new()],
        ..words()
    };
    let settings = merge(
        &empty,
        "api = 'https://api.test'\nresource = 'https://api.test'",
    );
    assert_eq!(settings.api.as_deref(), Some("https://api.test"));
    assert_eq!(settings.resources, ["https://api.test"]);
}

#[test]
fn the_file_may_name_one_resource_or_more_and_words_replace_them_all() {
    let more = "resource = ['https://a.test', 'https://b.test']";
    assert_eq!(
        merge(&words(), more).resources,
        ["https://a.test", "https://b.test"]
    );
    let given = GlobalWords {
        resource: vec!["https://c.test".to_owned()],
        ..words()
    };
    assert_eq!(merge(&given, more).resources, ["https://c.test"]);
}

#[test]
fn a_path_in_the_file_is_meant_from_where_the_file_is() {
    let settings = merge(&words(), "store = 'work'\nca_file = '/etc/ca.pem'");
    assert_eq!(
        settings.store,
        Some(PathBuf::from("/home/ann/.config/latchkey/work"))
    );
    assert_eq!(settings.ca_file, Some(PathBuf::from("/etc/ca.pem")));
    let given = GlobalWords {
        store: Some("here".to_owned()),
        ..words()
    };
    assert_eq!(
        merge(&given, "store = 'work'").store,
        Some(PathBuf::from("here"))
    );
}

#[test]
fn a_mistake_in_the_file_is_named_with_its_line() {
    assert!(reason(&words(), "issuer = 'https://a.test'\nisuer = 'b'").contains("line 2"));
    assert!(reason(&words(), "rotation = 'sometimes'").contains("grace:SECONDS"));
}

#[test]
fn every_mistake_of_a_merge_is_a_configuration_error() {
    let error = Settings::merge(&words(), "=", Path::new("latchkey.toml")).unwrap_err();
    assert_eq!(error.kind(), "configuration");
}

#[test]
fn a_scope_is_cut_into_words_and_none_is_left_to_the_core() {
    let settings = merge(&words(), "scope = ' openid  email '");
    assert_eq!(settings.auth_config().unwrap().scopes, ["openid", "email"]);
    assert!(merge(&words(), "").auth_config().unwrap().scopes.is_empty());
}

#[test]
fn what_is_missing_is_explained_by_where_it_can_be_given() {
    let problems = ["issuer", "client_id", "redirect_uri"].map(|field| ConfigurationProblem {
        field: field.to_owned(),
        reason: "no".to_owned(),
    });
    let error = AuthError::Configuration {
        problems: problems.to_vec(),
    };
    let settings = merge(&words(), "client_id = 'x'");
    let AuthError::Configuration { problems } = explain_missing(error, &settings) else {
        panic!()
    };
    assert!(
        problems[0].reason.contains("LATCHKEY_ISSUER"),
        "{problems:?}"
    );
    assert_eq!(problems[1].reason, "no");
    assert_eq!(problems[2].reason, "no");
}
