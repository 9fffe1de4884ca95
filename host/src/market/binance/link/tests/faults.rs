//! What the exchange or the network does wrong, and a consumer that is slow.

use std::time::Duration;

use futures_util::SinkExt as _;
use tokio::time::{Instant, sleep};
use tokio_tungstenite::tungstenite::Message;

use super::super::limits::{ANSWER, MESSAGE_BYTES, OPEN, SILENT};
use super::{OPEN_MS, Test, event, kline, streams};

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_answered_ends_the_connection() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.peer().await;
    peer.request().await.unwrap();
    let asked = Instant::now();
    // What else comes is no answer.
    peer.say(r#"{"result":null,"id":99}"#).await;
    peer.kline(OPEN_MS + 1).await;
    assert_eq!(test.down().await, "the exchange does not answer a request");
    assert_eq!(asked.elapsed().as_secs(), ANSWER.as_secs());
    assert_eq!(peer.request().await, None);
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_refused_ends_the_connection() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    for refusal in [r#"{"error":{"code":2,"msg":"hunter2"},"id":1}"#, r#"{"code":2,"msg":"hunter2"}"#] {
        let mut peer = test.peer().await;
        peer.request().await.unwrap();
        peer.say(refusal).await;
        assert_eq!(test.down().await, "the exchange refuses a request, code 2");
        assert_eq!(peer.request().await, None);
    }
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_candles_is_dead_whatever_its_pings_say() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    peer.kline(OPEN_MS + 5).await;
    let last = Instant::now();
    let pinger = tokio::spawn(async move {
        // Nor is it news what was said before.
        for _ in 0..1_000 {
            // Fails once the connection is closed.
            let _ = peer.socket.send(Message::Ping("x".into())).await;
            let _ = peer.socket.send(Message::text(kline(OPEN_MS + 5))).await;
            sleep(Duration::from_secs(1)).await;
        }
    });
    assert_eq!(test.down().await, "no candle for 20 s");
    assert_eq!(last.elapsed().as_secs(), SILENT.as_secs());
    test.up(2).await;
    pinger.abort();
}

#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_noticed() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    // Nobody reads or writes at the other end, and nobody closes it.
    let _half_open = test.up(2).await;
    assert_eq!(test.down().await, "no candle for 20 s");
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_gets_there_is_given_up() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let begin = Instant::now();
    let _silent = test.ends.recv().await.unwrap();
    assert_eq!(test.down().await, "no connection in time");
    assert_eq!(begin.elapsed().as_secs(), OPEN.as_secs());
    let peer = test.up(2).await;
    drop(peer);
    assert!(!test.down().await.is_empty());
    let mut peer = test.up(2).await;
    peer.socket.close(None).await.unwrap();
    assert_eq!(test.down().await, "the exchange closed the connection");
    let mut peer = test.up(2).await;
    // The connection is closed before all of it is sent.
    let _ = peer.socket.send(Message::text("x".repeat(MESSAGE_BYTES + 1))).await;
    assert_eq!(test.down().await, "a message is too large");
    test.up(2).await;
}

#[tokio::test(start_paused = true)]
async fn garbage_is_passed_over() {
    let mut test = Test::start();
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    for garbage in ["", "{", "null", r#"{"id":77,"result":null}"#, r#"{"stream":"x","data":{"e":"trade","E":1}}"#] {
        peer.say(garbage).await;
    }
    peer.say(kline(OPEN_MS + 1).replace(r#""o":"1""#, r#""o":"NaN""#)).await;
    peer.socket.send(Message::binary(vec![0, 159, 146, 150])).await.unwrap();
    peer.socket.send(Message::Pong("unasked".into())).await.unwrap();
    peer.kline(OPEN_MS + 2).await;
    assert_eq!(test.heard().await, event(OPEN_MS + 2));
}

#[tokio::test(start_paused = true)]
async fn a_slow_consumer_is_waited_for_and_the_exchange_is_not_blamed() {
    let mut test = Test::with(0, 1);
    test.link.want(streams(0..2));
    let mut peer = test.up(2).await;
    let talker = tokio::spawn(async move {
        for number in 1..=2_000 {
            peer.kline(OPEN_MS + number).await;
        }
        peer
    });
    for number in 1..=2_000 {
        if number % 500 == 1 {
            sleep(SILENT * 10).await;
            assert!(number > 1_500 || !talker.is_finished(), "what nobody takes is not read");
        }
        assert_eq!(test.heard().await, event(OPEN_MS + number));
    }
    let mut peer = talker.await.unwrap();
    // The second one waits for room, and nothing comes after it.
    peer.kline(OPEN_MS + 3_000).await;
    peer.kline(OPEN_MS + 3_001).await;
    sleep(SILENT * 10).await;
    let taken = Instant::now();
    assert_eq!(test.heard().await, event(OPEN_MS + 3_000));
    assert_eq!(test.heard().await, event(OPEN_MS + 3_001));
    assert_eq!(test.down().await, "no candle for 20 s");
    assert_eq!(taken.elapsed().as_secs(), SILENT.as_secs());
}
