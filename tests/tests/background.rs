//! Time in the background: asked for around a refresh, given back, and never in its way.

use std::sync::{Arc, Mutex, mpsc};

use latchkey::{Auth, BackgroundError, BackgroundGrant, BackgroundTime};
use latchkey_tests::calls::{alice, end, forced, token};
use latchkey_tests::world::{World, state};

/// What a test's app does when it is asked.
type Answer = dyn Fn() -> Result<BackgroundGrant, BackgroundError> + Send + Sync;

/// An app that notes what it was asked for: +7 for the grant 7, -7 for its end.
struct App {
    answer: Box<Answer>,
    noted: Mutex<Vec<i64>>,
    ended: Mutex<Option<mpsc::Sender<()>>>,
}

impl App {
    fn that(
        answer: impl Fn() -> Result<BackgroundGrant, BackgroundError> + Send + Sync + 'static,
    ) -> Arc<App> {
        Arc::new(App {
            answer: Box::new(answer),
            noted: Mutex::default(),
            ended: Mutex::default(),
        })
    }

    fn granting(seconds_left: Option<u64>) -> Arc<App> {
        App::that(move || {
            Ok(BackgroundGrant {
                id: 7,
                seconds_left,
            })
        })
    }

    /// Waits until the work was ended. Whoever asks later than that finds it ended.
    async fn noted_after_the_end(self: &Arc<App>) -> Vec<i64> {
        let app = Arc::clone(self);
        let noted = tokio::task::spawn_blocking(move || {
            let (end, ended) = mpsc::channel();
            *app.ended.lock().expect("no panic") = Some(end);
            if !app.noted.lock().expect("no panic").contains(&-7) {
                ended.recv().expect("it is ended");
            }
            app.noted.lock().expect("no panic").clone()
        });
        end(noted).await
    }
}

impl BackgroundTime for App {
    fn begin(&self) -> Result<BackgroundGrant, BackgroundError> {
        let grant = (self.answer)()?;
        let id = i64::try_from(grant.id).expect("small");
        self.noted.lock().expect("no panic").push(id);
        Ok(grant)
    }

    fn end(&self, id: u64) -> Result<(), BackgroundError> {
        let id = i64::try_from(id).expect("small");
        self.noted.lock().expect("no panic").push(-id);
        if let Some(ended) = &*self.ended.lock().expect("no panic") {
            let _ = ended.send(());
        }
        Err(BackgroundError::Refused)
    }
}

async fn alice_with(app: &Arc<App>) -> (World, Arc<Auth>) {
    let (world, auth) = alice().await;
    auth.set_background_time(Some(app.clone()));
    (world, auth)
}

#[tokio::test]
async fn a_refresh_begins_one_piece_of_work_and_ends_it_also_when_it_fails() {
    for fault in ["", "token:status=503"] {
        let app = App::granting(Some(15));
        let (world, auth) = alice_with(&app).await;
        world.server.set_faults(fault).expect("a fault");
        assert_eq!(forced(&auth).await.is_ok(), fault.is_empty());
        assert_eq!(app.noted_after_the_end().await, [7, -7], "{fault}");
    }
}

#[tokio::test]
async fn a_token_in_memory_asks_for_no_time() {
    let app = App::granting(None);
    let (_world, auth) = alice_with(&app).await;
    token(&auth).await.expect("from memory");
    assert!(app.noted.lock().expect("no panic").is_empty());
}

#[tokio::test]
async fn with_less_time_than_a_refresh_can_take_nothing_is_sent_and_no_claim_is_left() {
    let app = App::granting(Some(14));
    let (world, auth) = alice_with(&app).await;
    assert_eq!(forced(&auth).await.expect_err("not now").kind(), "network");
    assert_eq!(app.noted_after_the_end().await, [7, -7]);
    assert_eq!(world.server.requests("token"), 0);
    // Another process does not have to wait for this one.
    forced(&world.app()).await.expect("at once");
    auth.set_background_time(None);
    forced(&auth).await.expect("back on the screen");
    assert_eq!(state(&auth.session()), "signed_in");
}

#[tokio::test]
async fn an_app_that_refuses_or_panics_is_done_without() {
    let refuses = App::that(|| Err(BackgroundError::Refused));
    let panics = App::that(|| panic!("a bug of the app's"));
    for app in [refuses, panics] {
        let (_world, auth) = alice_with(&app).await;
        forced(&auth).await.expect("renewed");
    }
}

#[tokio::test]
async fn an_app_that_hangs_is_not_waited_for_and_its_late_grant_is_given_back() {
    let (release, held) = mpsc::channel::<()>();
    let held = Mutex::new(held);
    let app = App::that(move || {
        let _ = held.lock().expect("no panic").recv();
        Ok(BackgroundGrant {
            id: 7,
            seconds_left: None,
        })
    });
    let (_world, auth) = alice_with(&app).await;
    forced(&auth).await.expect("renewed without");
    release.send(()).expect("it hangs there");
    assert_eq!(app.noted_after_the_end().await, [7, -7]);
}
