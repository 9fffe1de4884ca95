//! What is wanted, over changes, losses and replacements.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::super::Heard;
use super::super::limits::LINGER;
use super::{OPEN_MS, Test, event, names, streams};

#[tokio::test(start_paused = true)]
async fn it_is_up_when_everything_is_acknowledged() {
    let mut test = Test::start();
    test.link.want(streams(0..250));
    let mut peer = test.peer().await;
    let first = peer.request().await.unwrap();
    peer.grant(&first).await;
    // Heard before all is subscribed, and the next request comes though nothing was said of the first.
    peer.kline(OPEN_MS + 1).await;
    assert_eq!(test.heard().await, event(OPEN_MS + 1));
    let second = peer.request().await.unwrap();
    assert!(test.heard.is_empty());
    peer.grant(&second).await;
    assert_eq!(test.heard().await, Heard::Up);
    assert_eq!(peer.held, names(&streams(0..250)));
    peer.kline(OPEN_MS + 2).await;
    assert_eq!(test.heard().await, event(OPEN_MS + 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_may_change_at_any_time() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    test.link.want(streams(1..3));
    let give_up = peer.request().await.unwrap();
    assert_eq!((&give_up["method"], &give_up["params"]), (&json!("UNSUBSCRIBE"), &json!(["coin000usdt@kline_1m"])));
    // Before it is answered.
    test.link.want(streams(2..4));
    let mut ids = vec![give_up];
    while peer.held != names(&streams(2..4)) {
        ids.push(peer.request().await.unwrap());
    }
    for request in ids.iter().rev() {
        assert!(test.heard.is_empty());
        peer.grant(request).await;
    }
    assert_eq!(test.said().await, Heard::Up);
    test.link.want(streams(2..4));
    // Nothing is wanted: nothing is connected, and nothing is down.
    test.link.want(BTreeSet::new());
    assert_eq!(peer.request().await, None);
    test.link.want(streams(7..8));
    let peer = test.up(1).await;
    assert_eq!(peer.held, names(&streams(7..8)));
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_is_remembered_over_a_loss() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    drop(test.up(2).await);
    test.down().await;
    test.link.want(streams(5..9));
    assert_eq!(test.up(4).await.held, names(&streams(5..9)));
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_is_answered_by_a_successor_before_anything_is_closed() {
    for is_bare in [false, true] {
        let mut test = Test::start();
        test.link.want(streams(0..2));
        let mut old = test.up(2).await;
        old.kline(OPEN_MS + 1).await;
        old.shut_down(is_bare).await;
        old.shut_down(is_bare).await;
        let mut new = test.peer().await;
        let request = new.request().await.unwrap();
        // The old one is heard until the new one is acknowledged, and a little longer.
        assert_eq!(test.heard().await, event(OPEN_MS + 1));
        old.kline(OPEN_MS + 2).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 2));
        new.grant(&request).await;
        let acknowledged = Instant::now();
        new.kline(OPEN_MS + 3).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 3));
        old.kline(OPEN_MS + 3).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 3), "twice, as promised");
        assert_eq!(old.request().await, None);
        assert_eq!(acknowledged.elapsed().as_secs(), LINGER.as_secs());
        new.kline(OPEN_MS + 4).await;
        assert_eq!(test.heard().await, event(OPEN_MS + 4), "and nothing was ever down");
        assert!(test.ends.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_replaced_before_it_is_a_day_old() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let begin = Instant::now();
    let old = test.peer().await.serve();
    assert_eq!(test.said().await, Heard::Up);
    // The first successor is not granted anything, and the old one stays.
    let _deaf = test.successor().await;
    let new = test.successor().await.serve();
    let opened = Instant::now();
    while opened.elapsed() < Duration::from_secs(60) {
        assert!(matches!(test.heard().await, Heard::Kline(_)));
    }
    let (old, closed) = old.await.unwrap();
    assert_eq!(old.held, names(&streams(0..2)));
    assert!(opened - begin > Duration::from_secs(22 * 3_600) && closed - begin < Duration::from_secs(24 * 3_600));
    assert!(closed >= opened + LINGER && !new.is_finished());
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_it_is_dropped_or_nobody_listens() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    drop(test.link);
    assert_eq!(peer.request().await, None);
    assert!(test.ends.recv().await.is_none(), "and does not come back");

    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    drop(test.heard);
    assert_eq!(peer.request().await, None);
    assert!(test.ends.recv().await.is_none());
}
