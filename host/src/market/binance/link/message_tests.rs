use proptest::prelude::*;

use super::*;

const FORMING: &str = r#"{"stream":"bnbbtc@kline_1m","data":{"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m","f":100,"L":200,"o":"0.00100000","c":"0.00200000","h":"0.00250000","l":"0.00150000","v":"1000.00000000","n":100,"x":false,"q":"1.00000000","V":"500.00000000","Q":"0.50000000","B":"123456"}}}"#;

fn forming() -> KlineEvent {
    KlineEvent {
        symbol: "BNBBTC".to_owned(),
        interval: Interval::M1,
        open_ms: 1_672_515_780_000,
        close_ms: 1_672_515_839_999,
        values: [0.001, 0.0025, 0.0015, 0.002, 1_000.0, 1.0, 500.0, 100.0],
        is_closed: false,
        event_ms: 1_672_515_782_136,
    }
}

/// The event within the wrapper of combined streams.
fn bare(combined: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(combined).unwrap();
    message["data"].to_string()
}

fn stream(symbol: &str, interval: Interval) -> StreamKey {
    StreamKey { symbol: symbol.to_owned(), interval }
}

#[test]
fn a_kline_is_read_in_the_order_of_a_batch() {
    assert_eq!(Incoming::read(FORMING), Incoming::Kline(forming()));
    assert_eq!(Incoming::read(&bare(FORMING)), Incoming::Kline(forming()));
    let closed = FORMING.replace(r#""x":false"#, r#""x":true"#);
    assert_eq!(Incoming::read(&closed), Incoming::Kline(KlineEvent { is_closed: true, ..forming() }));
}

#[test]
fn every_interval_is_read_by_its_own_name() {
    for interval in Interval::ALL {
        let open_ms = interval.open_of(1_672_515_782_136);
        let text = FORMING
            .replace("1672515780000", &open_ms.to_string())
            .replace("1672515839999", &interval.close_of(open_ms).to_string())
            .replace(r#""i":"1m""#, &format!(r#""i":"{interval}""#));
        match Incoming::read(&text) {
            Incoming::Kline(kline) => assert_eq!((kline.interval, kline.open_ms), (interval, open_ms)),
            other => panic!("{interval}: {other:?}"),
        }
    }
}

#[test]
fn answers_say_which_request_and_refusals_say_their_code() {
    assert_eq!(Incoming::read(r#"{"result":null,"id":312}"#), Incoming::Granted(312));
    for refusal in [
        r#"{"error":{"code":2,"msg":"Invalid request: unknown variant `X`, expected `SUBSCRIBE` at line 1 column 12"},"id":3}"#,
        r#"{"error":{"code":2,"msg":"with an escape \n"},"id":null}"#,
        r#"{"code":2,"msg":"Invalid JSON: expected value at line 1 column 1"}"#,
        r#"{"code":2,"msg":"Invalid request","id":3}"#,
    ] {
        assert_eq!(Incoming::read(refusal), Incoming::Refused(2), "{refusal}");
    }
}

#[test]
fn a_shutdown_is_heard_in_both_shapes() {
    let combined = r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}"#;
    assert_eq!(Incoming::read(combined), Incoming::Shutdown);
    assert_eq!(Incoming::read(&bare(combined)), Incoming::Shutdown);
}

#[test]
fn what_is_no_message_of_these_is_passed_over() {
    for text in [
        "",
        "null",
        "[]",
        "{}",
        "7",
        "<html>502</html>",
        r#"{"stream":"bnbbtc@kline_1m"}"#,
        r#"{"stream":"bnbbtc@kline_1m","data":{}}"#,
        r#"{"stream":"bnbbtc@kline_1m","data":{"e":"kline","E":1}}"#,
        r#"{"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100"}}"#,
        r#"{"result":null,"id":"a"}"#,
        r#"{"result":null,"id":-1}"#,
        r#"{"result":null}"#,
        &FORMING[..FORMING.len() - 2],
        &format!("{FORMING}{FORMING}"),
    ] {
        assert_eq!(Incoming::read(text), Incoming::Unknown, "{text}");
    }
}

#[test]
fn numbers_and_times_that_are_none_are_passed_over() {
    for (good, bad) in [
        (r#""o":"0.00100000""#, r#""o":"""#),
        (r#""o":"0.00100000""#, r#""o":"nan""#),
        (r#""o":"0.00100000""#, r#""o":"inf""#),
        (r#""o":"0.00100000""#, r#""o":"1e999""#),
        (r#""o":"0.00100000""#, r#""o":"0,001""#),
        (r#""o":"0.00100000""#, r#""o":null"#),
        (r#""V":"500.00000000","#, ""),
        (r#""n":100"#, r#""n":-1"#),
        (r#""n":100"#, r#""n":"100""#),
        (r#""x":false"#, r#""x":0"#),
        (r#""E":1672515782136"#, r#""E":0"#),
        (r#""E":1672515782136"#, r#""E":"1672515782136""#),
        // Microseconds.
        (r#""t":1672515780000,"T":1672515839999"#, r#""t":1672515780000000,"T":1672515839999999"#),
        (r#""T":1672515839999"#, r#""T":1672515899999"#),
        (r#""t":1672515780000,"T":1672515839999"#, r#""t":1672515780001,"T":1672515840000"#),
        (r#""t":1672515780000"#, r#""t":99999999999999999999"#),
        // Seconds and months.
        (r#""i":"1m""#, r#""i":"1s""#),
        (r#""i":"1m""#, r#""i":"1M""#),
        (r#""i":"1m""#, r#""i":"5m""#),
    ] {
        let text = FORMING.replace(good, bad);
        assert_ne!(text, FORMING, "{good}");
        assert_eq!(Incoming::read(&text), Incoming::Unknown, "{bad}");
    }
}

proptest! {
    #[test]
    fn no_text_is_fatal(text in ".*", at in 0..FORMING.len(), length in 0..20_usize) {
        Incoming::read(&text);
        let end = (at + length).min(FORMING.len());
        let mut spoilt = FORMING.to_owned();
        spoilt.replace_range(at..end, &text);
        Incoming::read(&spoilt);
    }
}

#[test]
fn a_request_names_streams_in_lower_case() {
    let mut request = Request::new(Method::Subscribe, 7, 200, 4_000);
    assert!(request.is_empty());
    assert!(request.add(&stream("BTCUSDT", Interval::M1)) && request.add(&stream("1000SATSUSDT", Interval::H4)));
    let text = r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_1m","1000satsusdt@kline_4h"],"id":7}"#;
    assert_eq!(request.into_text(), text);
    let mut request = Request::new(Method::Unsubscribe, 8, 200, 4_000);
    request.add(&stream("A\"B", Interval::W1));
    assert_eq!(request.into_text(), r#"{"method":"UNSUBSCRIBE","params":["a\"b@kline_1w"],"id":8}"#);
}

#[test]
fn a_request_is_bounded_by_streams_and_by_bytes() {
    let key = stream("BTCUSDT", Interval::M1);
    let fill = |most_streams, most_bytes| {
        let mut request = Request::new(Method::Unsubscribe, u64::MAX, most_streams, most_bytes);
        let added = (0..1_000).take_while(|_| request.add(&key)).count();
        (added, request.into_text().len())
    };
    assert_eq!(fill(5, 4_000).0, 5);
    let (added, bytes) = fill(1_000, 500);
    assert!(added > 10 && bytes <= 500 && bytes + r#","btcusdt@kline_1m""#.len() > 500, "{added} {bytes}");
    assert_eq!(fill(200, 10).0, 1, "a bound that holds nothing does not stop everything");
}
