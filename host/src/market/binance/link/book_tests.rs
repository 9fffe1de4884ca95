use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::market::interval::Interval;

fn streams(numbers: impl IntoIterator<Item = usize>) -> BTreeSet<StreamKey> {
    let stream = |number| StreamKey { symbol: format!("COIN{number:03}USDT"), interval: Interval::M15 };
    numbers.into_iter().map(stream).collect()
}

/// An exchange: what it holds, and the ids of the requests that it was sent.
#[derive(Default)]
struct Exchange {
    held: BTreeSet<String>,
    ids: Vec<u64>,
}

impl Exchange {
    fn take(&mut self, request: &str) -> usize {
        let request: Value = serde_json::from_str(request).unwrap();
        let params: Vec<_> = request["params"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        for name in &params {
            // Nothing is asked for twice.
            match request["method"].as_str().unwrap() {
                "SUBSCRIBE" => assert!(self.held.insert((*name).to_owned())),
                "UNSUBSCRIBE" => assert!(self.held.remove(*name)),
                other => panic!("{other}"),
            }
        }
        self.ids.push(request["id"].as_u64().unwrap());
        params.len()
    }

    fn holds(&self, streams: &BTreeSet<StreamKey>) -> bool {
        let names = streams.iter().map(|key| format!("{}@kline_{}", key.symbol.to_lowercase(), key.interval));
        self.held == names.collect()
    }
}

#[test]
fn it_is_settled_once_all_is_granted() {
    let now = Instant::now();
    let mut book = Book::default();
    assert!(book.is_settled() && book.ask(now).is_none());
    book.want(streams(0..2));
    assert!(book.is_behind() && !book.is_settled());
    let request = book.ask(now).unwrap();
    let text = r#"{"method":"SUBSCRIBE","params":["coin000usdt@kline_15m","coin001usdt@kline_15m"],"id":1}"#;
    assert_eq!(request, text);
    assert!(!book.is_behind() && !book.is_settled() && !book.expects_news());
    assert_eq!(book.answer_due(), Some(now + ANSWER));
    assert!(!book.granted(2), "that was not asked");
    assert!(book.granted(1) && book.is_settled() && book.expects_news());
    assert_eq!(book.answer_due(), None);
    assert!(!book.granted(1), "that was granted before");
}

#[test]
fn a_change_asks_for_the_difference_and_gives_up_first() {
    let now = Instant::now();
    let mut book = Book::default();
    book.want(streams(0..2));
    book.ask(now);
    // Wanted no more before it was granted.
    book.want(streams(1..3));
    let asked: Vec<String> = std::iter::from_fn(|| book.ask(now)).collect();
    let texts = [
        r#"{"method":"UNSUBSCRIBE","params":["coin000usdt@kline_15m"],"id":2}"#,
        r#"{"method":"SUBSCRIBE","params":["coin002usdt@kline_15m"],"id":3}"#,
    ];
    assert_eq!(asked, texts);
    assert!(book.granted(3) && book.granted(1) && !book.is_settled());
    assert!(book.granted(2) && book.is_settled());
    book.want(BTreeSet::new());
    book.ask(now);
    assert!(book.granted(4) && book.is_settled() && !book.expects_news());
}

#[test]
fn many_streams_take_several_requests() {
    let wanted = streams(0..500);
    let (mut book, mut exchange) = (Book::default(), Exchange::default());
    book.want(wanted.clone());
    while let Some(request) = book.ask(Instant::now()) {
        assert!(request.len() <= REQUEST_BYTES);
        assert!(exchange.take(&request) <= REQUEST_STREAMS);
    }
    assert!(exchange.holds(&wanted));
    assert_eq!(exchange.ids, [1, 2, 3, 4]);
}

#[test]
fn answers_that_could_not_be_read_are_waited_for_longer() {
    let now = Instant::now();
    let mut book = Book::default();
    book.want(streams(0..1));
    book.ask(now);
    book.want(streams(0..2));
    book.ask(now + Duration::from_secs(1));
    book.excuse(Duration::from_secs(60));
    assert_eq!(book.answer_due(), Some(now + Duration::from_secs(60) + ANSWER));
    book.granted(1);
    assert_eq!(book.answer_due(), Some(now + Duration::from_secs(61) + ANSWER));
}

proptest! {
    #[test]
    fn the_exchange_holds_in_the_end_what_was_wanted_last(
        changes in prop::collection::vec((prop::collection::btree_set(0..40_usize, 0..40), 0..4_usize), 1..12),
    ) {
        let (mut book, mut exchange, mut wanted) = (Book::default(), Exchange::default(), BTreeSet::new());
        for (numbers, requests) in changes {
            wanted = streams(numbers);
            book.want(wanted.clone());
            // As far as the rate allows before the next change.
            for request in std::iter::from_fn(|| book.ask(Instant::now())).take(requests) {
                exchange.take(&request);
            }
        }
        while let Some(request) = book.ask(Instant::now()) {
            exchange.take(&request);
        }
        prop_assert!(exchange.holds(&wanted));
        prop_assert_eq!(book.is_settled(), exchange.ids.is_empty());
        for id in exchange.ids {
            prop_assert!(book.granted(id));
        }
        prop_assert!(book.is_settled());
    }
}
