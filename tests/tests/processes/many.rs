//! Twenty processes with an ended token, at a provider where a second use of a refresh token ends the session.

use latchkey_devserver::Rotation;

use crate::house::House;
use crate::process::Process;

async fn twenty(house: &House) -> Vec<Process> {
    let starts = (0..20).map(|_| house.start());
    let mut processes = Vec::new();
    for process in starts {
        processes.push(process.await);
    }
    processes
}

async fn assert_one_token(house: &House, processes: &mut [Process]) {
    let mut tokens = Vec::new();
    for process in &mut *processes {
        tokens.push(process.token().await);
    }
    tokens.dedup();
    assert_eq!((tokens.len(), house.sent()), (1, 1));
    assert_eq!(house.server.refresh_token_reuse(), 0);
}

#[tokio::test]
async fn twenty_processes_that_ask_at_once_make_one_token_request_and_get_the_same_token() {
    let house = House::with_an_ended_token(Rotation::Strict).await;
    house.server.set_faults("token:delay=300").expect("a fault");
    let mut processes = twenty(&house).await;
    for process in &mut processes {
        process.tell("token").await;
    }
    assert_one_token(&house, &mut processes).await;
}

#[tokio::test]
async fn of_twenty_processes_that_have_all_seen_no_claim_one_takes_it() {
    let house = House::with_an_ended_token(Rotation::Strict).await;
    house.server.set_faults("token:delay=300").expect("a fault");
    let mut processes = twenty(&house).await;
    for process in &mut processes {
        process.stop_at("before_claim", "token").await;
    }
    for process in &mut processes {
        process.go().await;
    }
    assert_one_token(&house, &mut processes).await;
}
