//! A process that is frozen on the way from its look at the store to sending, and thawed when others went on, sends
//! nothing.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use latchkey_devserver::Rotation;
use latchkey_tests::elsewhere::address;
use latchkey_tests::tls_front::{Authority, Certificate, TlsFront};
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use crate::door::Door;
use crate::house::House;
use crate::process::Process;

/// A little more than a claim keeps others waiting.
const TERM: u32 = 16;
/// Within the term, and late enough for another send of a token that may have been sent.
const WITHIN: u32 = 5;

/// The processes of one story.
struct Two {
    house: House,
    frozen: Process,
    other: Process,
}

impl Two {
    async fn new() -> Two {
        let house = House::with_an_ended_token(Rotation::Strict).await;
        Two {
            frozen: house.start().await,
            other: house.start().await,
            house,
        }
    }

    /// The other one waits for a claim of a process that does not move, and takes it over when its term has passed.
    async fn other_goes_on_after_the_term(&mut self) -> String {
        self.house.clock.advance(WITHIN);
        // By its third look it has found the claim twice, with a holder that is alive.
        self.other.stop_at("looked_again", "token").await;
        assert_eq!(self.house.sent(), 0);
        self.house.clock.advance(TERM - WITHIN);
        self.other.go().await;
        let token = self.other.token().await;
        assert_eq!(self.house.sent(), 1);
        token
    }

    /// The frozen one goes on: it takes the other's token, and has sent nothing.
    async fn thawed_it_sends_nothing(mut self, token: &str) {
        assert_eq!(self.frozen.token().await, token);
        assert_eq!(self.house.sent(), 1, "of the other one");
        assert_eq!(self.house.server.refresh_token_reuse(), 0);
        self.house
            .assert_session_lives(&mut [&mut self.frozen, &mut self.other])
            .await;
    }
}

/// Where it holds no claim nobody waits for it.
async fn without_a_claim(point: &str) {
    let mut two = Two::new().await;
    two.frozen.stop_at(point, "token").await;
    two.frozen.freeze().await;
    let token = two.other.ask_token().await;
    two.house.clock.advance(TERM);
    two.frozen.thaw().await;
    two.thawed_it_sends_nothing(&token).await;
}

async fn with_the_claim(point: &str, taken_over: &str) {
    let mut two = Two::new().await;
    two.frozen.stop_at(point, "token").await;
    two.frozen.freeze().await;
    let token = two.other_goes_on_after_the_term().await;
    let timeline = two.other.timeline().await;
    assert!(timeline.iter().any(|e| e == taken_over), "{timeline:?}");
    two.frozen.thaw().await;
    two.thawed_it_sends_nothing(&token).await;
}

#[tokio::test]
async fn frozen_after_the_look_at_the_store_it_sends_nothing() {
    without_a_claim("looked").await;
}

#[tokio::test]
async fn frozen_while_it_asks_for_background_time_it_sends_nothing() {
    without_a_claim("background").await;
}

#[tokio::test]
async fn frozen_before_the_claim_it_sends_nothing() {
    without_a_claim("before_claim").await;
}

#[tokio::test]
async fn frozen_after_the_claim_it_sends_nothing() {
    with_the_claim("claimed", "taken_over: it had sent nothing").await;
}

#[tokio::test]
async fn frozen_before_the_word_that_it_sends_it_sends_nothing() {
    with_the_claim("before_send_word", "taken_over: it had sent nothing").await;
}

#[tokio::test]
async fn frozen_after_the_word_that_it_sends_it_sends_nothing() {
    with_the_claim("after_send_word", "taken_over: it may have sent").await;
}

#[tokio::test]
async fn frozen_for_longer_than_its_claim_while_nobody_else_asked_it_begins_anew() {
    for point in ["claimed", "before_send_word", "after_send_word"] {
        let mut two = Two::new().await;
        two.frozen.stop_at(point, "token").await;
        two.frozen.freeze().await;
        two.house.clock.advance(TERM);
        two.frozen.thaw().await;
        let token = two.frozen.token().await;
        assert_eq!(two.other.ask_token().await, token, "{point}");
        let timeline = two.frozen.timeline().await;
        let repeat = timeline.iter().any(|event| event == "refresh_sent: repeat");
        assert!(!repeat, "{point}: nothing was sent before: {timeline:?}");
        assert_eq!(two.house.sent(), 1, "{point}");
        assert_eq!(two.house.server.refresh_token_reuse(), 0, "{point}");
    }
}

#[tokio::test]
async fn frozen_while_the_connection_is_made_it_sends_nothing() {
    let mut house = House::new(Rotation::Strict).await;
    // The way to the token endpoint leads through a door behind which the TLS handshake is done.
    let authority = Authority::new();
    let tls = authority.server(&Certificate::default(), &[&TLS12, &TLS13]);
    let front = TlsFront::start(tls, address(&house.server)).await;
    let door = Door::before(front.port()).await;
    house.setting["trust_anchors"] = authority.pem().into();
    let elsewhere = json!({ "token_endpoint": format!("https://localhost:{}/token", door.port()) });
    let elsewhere = BASE64_URL_SAFE_NO_PAD.encode(elsewhere.to_string());
    let faults = format!("discovery:merge={elsewhere}");
    house.server.set_faults(&faults).expect("a fault");
    house.log_in().await;
    house.server.reset_counts();
    house.clock.advance(310);
    let mut two = Two {
        frozen: house.start().await,
        other: house.start().await,
        house,
    };
    let mut door = door.close_for_one();

    two.frozen.tell("token").await;
    door.reached().await;
    two.frozen.freeze().await;
    let token = two.other_goes_on_after_the_term().await;
    door.open();
    two.frozen.thaw().await;
    two.thawed_it_sends_nothing(&token).await;
}
