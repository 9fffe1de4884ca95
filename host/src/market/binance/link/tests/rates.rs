//! How much is asked of the exchange.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_tungstenite::tungstenite::Message;

use super::super::Heard;
use super::super::limits::{ATTEMPTS, ATTEMPTS_PERIOD, RATE_PERIOD, RECONNECT_MOST};
use super::{Test, names, streams};

#[tokio::test(start_paused = true)]
async fn many_streams_are_spread_and_asked_for_in_time_with_the_limits() {
    let mut test = Test::start();
    let wanted = streams(0..600);
    test.link.want(wanted.clone());
    let (mut a, mut b) = (test.peer().await, test.peer().await);
    tokio::join!(a.grant_all(300), b.grant_all(300));
    assert_eq!(test.said().await, Heard::Up);
    assert!(a.held.is_disjoint(&b.held));
    assert!(&a.held | &b.held == names(&wanted));
    // Changes that ask for more than one may send.
    let (a, b) = (a.serve(), b.serve());
    for from in 1..20 {
        test.link.want(streams(from * 10..from * 10 + 600));
        sleep(Duration::from_millis(100)).await;
    }
    // Those in between may have been up for a moment.
    let settled = Instant::now() + Duration::from_secs(30);
    while let Ok(heard) = timeout_at(settled, test.heard()).await {
        assert!(!matches!(heard, Heard::Down(_)), "{heard:?}");
    }
    test.link.want(BTreeSet::new());
    let ((a, _), (b, _)) = (a.await.unwrap(), b.await.unwrap());
    assert!(&a.held | &b.held == names(&streams(190..790)));
    for peer in [a, b] {
        assert!(peer.requests.len() > 8);
        assert!(peer.requests.windows(5).all(|five| five[4] - five[0] >= RATE_PERIOD), "{:?}", peer.requests);
    }
}

#[tokio::test(start_paused = true)]
async fn pongs_count_towards_the_rate() {
    let mut test = Test::start();
    test.link.want(streams(0..1));
    let mut peer = test.up(1).await;
    sleep(RATE_PERIOD).await;
    for _ in 0..4 {
        peer.socket.send(Message::Ping("x".into())).await.unwrap();
        assert!(matches!(peer.socket.next().await, Some(Ok(Message::Pong(_)))));
    }
    let pinged = Instant::now();
    test.link.want(streams(0..2));
    peer.grant_all(2).await;
    assert!(pinged.elapsed() >= RATE_PERIOD);
    assert_eq!(test.said().await, Heard::Up);
}

#[tokio::test(start_paused = true)]
async fn attempts_are_spread_out_and_limited() {
    let mut test = Test::with(usize::MAX, 1_024);
    test.link.want(streams(0..600));
    let begin = Instant::now();
    let mut downs: BTreeMap<u64, usize> = BTreeMap::new();
    while let Ok(reason) = timeout_at(begin + ATTEMPTS_PERIOD * 4, test.down()).await {
        assert_eq!(reason, "the handshake was refused with status 403");
        *downs.entry(begin.elapsed().as_secs() / ATTEMPTS_PERIOD.as_secs()).or_default() += 1;
    }
    assert!(downs.values().all(|attempts| *attempts <= ATTEMPTS), "{downs:?}");
    assert!(downs.values().all(|attempts| *attempts >= 10), "{downs:?}");
}

#[tokio::test(start_paused = true)]
async fn shares_that_fail_together_stay_within_the_limit() {
    let mut test = Test::with(usize::MAX, 1_024);
    // 34 connections, which fail at once and begin with short waits.
    test.link.want(streams(0..10_000));
    let begin = Instant::now();
    let mut downs = 0;
    while let Ok(heard) = timeout_at(begin + ATTEMPTS_PERIOD - RECONNECT_MOST, test.heard.recv()).await {
        assert!(matches!(heard, Some(Heard::Down(_))), "{heard:?}");
        downs += 1;
    }
    assert_eq!(downs, ATTEMPTS);
}
