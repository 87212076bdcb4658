//! A claim of another process where nothing proves that process gone: it has no lock file, as beside a keychain.

use serde_json::json;

use super::super::claim::TERM;
use super::world::World;
use crate::clock::Clock as _;
use crate::files::Folder;

#[tokio::test]
async fn a_claim_of_a_run_that_has_no_lock_file_is_waited_for() {
    let (world, session) = World::logged_in().await;
    // Some store of this process is one of files, and the claim's holder has another.
    let directory = tempfile::tempdir().expect("a folder");
    let _folder = Folder::open(directory.path()).expect("it opens");
    let now = session.moment();
    world.change_record(&session, |record| {
        record["state"]["live"]["claim"] = json!({
            "holder": { "run_id": "a-run-with-a-keychain", "role": null, "since": now },
            "sent": null,
        });
    });
    let before = world.clock.boot().as_secs();
    world.forced(&session).await.expect("renewed after it");
    let waited = world.clock.boot().as_secs() - before;
    assert!((TERM..=TERM + 1).contains(&waited), "{waited} s");
    assert_eq!(world.server.asked("/token").len(), 2);
}
