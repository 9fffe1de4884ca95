//! `vyx traders` and `vyx signals`.

use serde_json::json;

use crate::world::{ALICE, ALICES_APP, ALICES_TRADER, As, BOBS_TRADER, BUILT_IN, World};

#[test]
fn traders_are_listed_by_whoever_may_see_them() {
    let world = World::new();
    world.host_says(BUILT_IN, "running", &"a".repeat(64), &json!({}), None);
    world.sql(&format!("update traders set enabled = false, name = 'Off' where id = '{BOBS_TRADER}'"));
    let ran = world.vyx(As::Operator, &["traders"]);
    ran.said(0, &["built-in", "73d7da06", "StochRSI Overbought Short", "1 disabled trader is not shown"]);
    assert!(!ran.out.contains("Off"), "{}", ran.out);
    let all = world.vyx(As::Operator, &["traders", "--all", "--json"]).json();
    assert_eq!(all.len(), 3);
    assert_eq!((&all[0]["id"], &all[0]["reported_state"]), (&json!(BUILT_IN), &json!("running")));
    assert_eq!(all.iter().find(|row| row["id"] == BOBS_TRADER).unwrap()["state"], "off");
    let alices = world.vyx(As::Author(ALICE), &["traders", "--all", "--json"]).json();
    let ids: Vec<_> = alices.iter().map(|row| row["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [BUILT_IN, ALICES_TRADER]);
}

#[test]
fn signals_are_listed_the_newest_first() {
    let world = World::new();
    world.vyx(As::Operator, &["signals"]).said(0, &["no signals"]);
    for (table, symbol, at) in
        [("signals", "BTCUSDT", 1), ("signals", "ETHUSDT", 2), ("historical_signals", "BNBUSDT", 3)]
    {
        world.sql(&format!(
            "insert into {table} (id, trader_id, user_id, symbol, interval, timestamp, price_at_signal, count, source, fly_app_id, tag)
             values (gen_random_uuid(), '{ALICES_TRADER}', '{ALICE}', '{symbol}', '5m', now() + interval '{at} minutes', 100.5, 1,
                'cloud', '{ALICES_APP}', 'short')"
        ));
    }
    let symbols = |args: &[&str]| -> Vec<String> {
        let ran = world.vyx(As::Operator, &[&["signals", "--json"], args].concat());
        ran.json().iter().map(|signal| signal["symbol"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(symbols(&[]), ["ETHUSDT", "BTCUSDT"]);
    assert_eq!(symbols(&["--limit", "1"]), ["ETHUSDT"]);
    assert_eq!(symbols(&["--trader", "5048"]), ["ETHUSDT", "BTCUSDT"]);
    assert_eq!(symbols(&["--trader", BUILT_IN]), Vec::<String>::new());
    assert_eq!(symbols(&["--historical"]), ["BNBUSDT"]);
    let ran = world.vyx(As::Author(ALICE), &["signals"]);
    ran.said(0, &["CANDLE CLOSED", "ETHUSDT", "100.5", "short", "StochRSI Overbought Short"]);
    world.vyx(As::Operator, &["signals", "--limit", "0"]).said(2, &["--limit"]);
}
