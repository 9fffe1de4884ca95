//! Runs a trader twice: as a component in the host, which gives the signals, and natively, which gives the lines of its plots at every
//! candle. Where the two disagree, one of them is wrong.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use vyx_sdk::testkit::{Bench, candles_from_csv};
use vyx_sdk::{Candle, Interval, Trader};

use crate::market::{self, Files};

/// The symbol that is drawn.
pub const DRAWN: &str = "ETHUSDT";

pub struct Kitchen {
    files: Files,
    place: tempfile::TempDir,
}

/// A trader and what it said.
pub struct Dish {
    pub candles: Vec<Candle>,
    pub plots: Vec<Plot>,
    /// Names of its tags: the first points up, the second down.
    pub tags: Vec<String>,
    pub signals: Vec<Signal>,
}

pub struct Plot {
    pub title: String,
    pub panel: String,
    /// The values of each line, one a candle; NaN for none.
    pub lines: Vec<Vec<f64>>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    pub symbol: String,
    pub open_time_ms: i64,
    pub tag: String,
}

fn beside(variable: &str, below_target: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from);
    assert!(path.exists(), "{} is not there, run the tests with: cargo xtask test", path.display());
    path
}

impl Kitchen {
    pub fn new() -> Self {
        let kitchen = Self { files: market::files(), place: tempfile::tempdir().unwrap() };
        for ((symbol, interval), text) in &kitchen.files {
            std::fs::write(kitchen.place.path().join(format!("{symbol}-{interval}.csv")), text).unwrap();
        }
        kitchen
    }

    /// The lines of JSON that `vyx` prints.
    fn vyx(&self, args: &[&str]) -> Vec<Value> {
        let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
        command.args(args).current_dir(self.place.path()).env("DATA_DIR", self.place.path().join("data"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "vyx {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn component(&self, name: &str) -> String {
        let file = format!("{}.wasm", name.replace('_', "-"));
        beside("VYX_TRADERS", "traders").join(file).to_str().unwrap().to_owned()
    }
}

pub fn cook<T: Trader>(kitchen: &Kitchen, name: &str) -> Dish {
    let module = kitchen.component(name);
    let description = kitchen.vyx(&["describe", &module, "--json"]).remove(0);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let needs: Vec<Interval> = description["subscription"]["needs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|need| need["interval"].as_str().unwrap().parse().unwrap())
        .collect();

    let mut told = kitchen.vyx(&["test", &module, "--json", "--candles", "BTCUSDT-5m.csv", "ETHUSDT-5m.csv"]);
    told.retain(|line| line.get("summary").is_none());
    let signals: Vec<Signal> = told
        .iter()
        .map(|signal| Signal {
            symbol: text(&signal["symbol"]),
            open_time_ms: signal["open_time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond(),
            tag: text(&signal["tag"]),
        })
        .collect();

    let streams: Vec<(String, Vec<Candle>)> = kitchen
        .files
        .iter()
        .map(|((symbol, interval), text)| (symbol.clone(), candles_from_csv(interval.parse().unwrap(), text)))
        .filter(|(_, candles)| needs.contains(&candles[0].interval))
        .collect();
    let borrowed: Vec<(&str, &[Candle])> =
        streams.iter().map(|(symbol, candles)| (symbol.as_str(), candles.as_slice())).collect();
    let mut bench = Bench::<T>::new();
    let native: Vec<Signal> = bench
        .feed_all(&borrowed)
        .into_iter()
        .map(|signal| Signal {
            symbol: signal.symbol,
            open_time_ms: signal.candle.open_time_ms,
            tag: signal.tag.to_owned(),
        })
        .collect();
    // Natively nothing is held back; what is kept must be among it.
    for signal in &signals {
        assert!(native.contains(signal), "{name}: the component says {signal:?}, the native trader does not");
    }

    let drawn: Vec<(&Candle, &Vec<f64>)> = in_order_of_delivery(&streams)
        .into_iter()
        .zip(bench.plots())
        .filter(|((symbol, candle), _)| *symbol == DRAWN && candle.interval == Interval::M5)
        .map(|((_, candle), values)| (candle, values))
        .collect();
    let mut from = 0;
    let mut plots = Vec::new();
    for plot in description["manifest"]["plots"].as_array().unwrap() {
        let count = usize::try_from(plot["lines"].as_u64().unwrap()).unwrap();
        let lines = (from..from + count).map(|at| drawn.iter().map(|(_, values)| values[at]).collect());
        plots.push(Plot { title: text(&plot["title"]), panel: text(&plot["panel"]), lines: lines.collect() });
        from += count;
    }
    let tags = description["manifest"]["tags"].as_array().unwrap().iter().map(|tag| text(&tag["name"])).collect();
    Dish { candles: drawn.iter().map(|(candle, _)| **candle).collect(), plots, tags, signals }
}

/// As the bench feeds them, and as hosts do: by close, the longer interval first, symbols in the order of their ids.
fn in_order_of_delivery(streams: &[(String, Vec<Candle>)]) -> Vec<(&str, &Candle)> {
    let mut all: Vec<(&str, &Candle)> =
        streams.iter().flat_map(|(symbol, candles)| candles.iter().map(|candle| (symbol.as_str(), candle))).collect();
    // Ids go by first appearance, which is here the order of the names.
    all.sort_by_key(|(symbol, candle)| (candle.close_time_ms(), std::cmp::Reverse(candle.interval), *symbol));
    all
}
