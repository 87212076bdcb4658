use super::*;
use crate::users::DEFAULT;

fn set(faults: &Faults, text: &str) -> Result<Vec<String>, FaultError> {
    faults.replace(text, &Directory::parse(DEFAULT).unwrap())
}

#[test]
fn the_nth_request_alone_suffers() {
    let faults = Faults::default();
    set(&faults, "token:drop_after_commit@2").unwrap();
    let suffered: Vec<_> = (0..3)
        .map(|_| faults.next(Endpoint::Token).drop_after_commit)
        .collect();
    assert_eq!(suffered, [false, true, false]);
    assert_eq!(faults.next(Endpoint::Api), Fault::default());
}

#[test]
fn several_faults_of_one_request_add_up() {
    let faults = Faults::default();
    set(&faults, "*:clock=-60; api:status=429,retry_after=5").unwrap();
    let fault = faults.next(Endpoint::Api);
    assert_eq!(
        (fault.status, fault.retry_after, fault.clock),
        (Some(429), Some(5), -60)
    );
}

#[test]
fn a_wrong_text_is_explained_and_changes_nothing() {
    let faults = Faults::default();
    set(&faults, "api:status=500").unwrap();
    for (text, word) in [
        ("api", "endpoint:fault"),
        ("nowhere:partial", "discovery"),
        ("api:sometimes", "\"sometimes\""),
        ("api:status=99", "200 to 599"),
        ("api:delay=soon", "number"),
        ("api:delay", "delay=…"),
        ("api:partial=1", "no value"),
        ("api:partial@0", "from 1"),
        ("token:claims=W10", "JSON object"),
        ("token:alg=RS1", "EdDSA"),
        ("token:revoke=carol", "alice, bob"),
    ] {
        let error = set(&faults, text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
    assert_eq!(faults.next(Endpoint::Api).status, Some(500));
}

#[test]
fn every_word_is_in_the_help() {
    for word in [
        "delay",
        "gate",
        "status",
        "after_commit",
        "merge",
        "claims",
        "expires_in",
        "revoke_all",
        "revoke=USER",
    ] {
        assert!(FAULT_HELP.contains(word));
    }
}
