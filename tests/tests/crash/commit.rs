//! What a commit leaves behind: at every byte of it, and when its record is put back afterwards.

use std::fs;

use latchkey::{AuthError, SignedOutReason};

use crate::device::{Device, PARENT, Provider, STRICT};
use crate::fate::{Kill, Point, Write};
use crate::process::{APP, Call, Process};
use crate::record::Record;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_is_cut_at_any_byte_leaves_the_old_record_or_the_new_one() {
    let provider = Provider::start(STRICT).await;
    let mut device = Device::with_files(&provider).await;
    device.expire();
    let process = Process::start(&device, APP, Kill::InCommit(|length| length), None);
    assert_eq!(process.ask(Call::Token).await, None);
    process.end().await;
    let old = device.item();
    let tmp = device.item_file().with_file_name("tmp");
    let bytes = fs::read(&tmp).expect("what was written");
    for length in 0..=bytes.len() {
        fs::write(&tmp, &bytes[..length]).expect("it is written");
        device.open_anew();
        assert_eq!(device.item(), old, "cut at {length}");
    }
    fs::write(&tmp, &bytes).expect("it is written");
    fs::rename(&tmp, device.item_file()).expect("it is renamed");
    device.open_anew();
    assert_eq!(
        device.record().generation,
        Record::read(&old).generation + 1
    );
    assert_eq!(device.record().sends, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_from_before_the_mark_that_is_put_back_is_not_sent() {
    // The provider would take it: that it is not sent is the mark's doing.
    let provider = Provider::start(PARENT).await;
    let device = Device::new(&provider).await;
    let backup = device.item();
    device.expire();
    let kill = Kill::At(Point::After(Write::Journal));
    let process = Process::start(&device, APP, kill, None);
    assert_eq!(process.ask(Call::Token).await, None);
    process.end().await;
    device.put_back(backup);
    device.advance(3);
    provider.server.reset_counts();
    let next = Process::start(&device, APP, Kill::Never, None);
    let lost = AuthError::LoginRequired {
        reason: SignedOutReason::StorageLost,
    };
    assert_eq!(next.ask(Call::Ping).await, Some(Err(lost)));
    next.end().await;
    assert_eq!(provider.server.requests("token"), 0);
}
