//! The command that shows a fault again, on the machine of whoever wrote the trader.

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::market::Interval;
use crate::supervisor::plan::Version;
use crate::supervisor::runner::FaultReport;
use crate::text::{shell_word, shown};

/// Parameters longer than this are left to the reader: the line has to fit a log.
const PARAMS_BYTES: usize = 600;
/// Bytes of the name of a file or module.
const NAME_BYTES: usize = 200;

/// What stands behind the traders of a fleet, for whoever wants to see a fault again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Rerun {
    /// Candles come from an exchange and modules from a store, where they have no name but their digest.
    #[default]
    Elsewhere,
    /// A folder of modules, and files of candles.
    Files {
        /// Where the modules are.
        folder: PathBuf,
        /// The files, as they were named.
        candles: Vec<String>,
    },
    /// A made-up market, which one command makes again.
    MadeUp(String),
}

impl Rerun {
    /// The command for a fault of this version of a trader, whose module is at `place` in the words of its registry.
    #[must_use]
    pub fn command(&self, version: &Version, place: &str, fault: &FaultReport) -> String {
        let params = serde_json::from_str(version.key.params.as_str()).unwrap_or_default();
        let (module, candles) = match self {
            Self::MadeUp(command) => return command.clone(),
            Self::Files { folder, candles } => (folder.join(place).display().to_string(), candles.as_slice()),
            Self::Elsewhere => (format!("{}.wasm", version.key.digest.short()), Default::default()),
        };
        Reproduce { module: &module, candles, params: &params, fault }.to_string()
    }
}

/// What was run, and where it faulted.
#[derive(Debug, Clone, Copy)]
pub struct Reproduce<'a> {
    /// The module: a file, or the folder of a crate.
    pub module: &'a str,
    /// The files of candles; none where they came from an exchange, of which the day's archive stands in for them.
    pub candles: &'a [String],
    /// The parameters that were given.
    pub params: &'a Map<String, Value>,
    /// What happened.
    pub fault: &'a FaultReport,
}

impl fmt::Display for Reproduce<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { module, candles, params, fault } = self;
        // What does not fit or needs an escape is not the name that was given, so it is never run by mistake: it is in quotes.
        write!(f, "vyx test {} --candles", shell_word(&shown(module, NAME_BYTES)))?;
        if candles.is_empty() {
            write!(f, " {}", archive(fault))?;
        }
        for file in *candles {
            write!(f, " {}", shell_word(&shown(file, NAME_BYTES)))?;
        }
        write_params(f, params)?;
        write!(f, " --at {}", close_moment(fault.close_time_ms))
    }
}

/// The name of the exchange's archive in which the candle is.
fn archive(fault: &FaultReport) -> String {
    let symbol = fault.symbols.first().map_or("SYMBOL", String::as_str);
    let interval = fault.interval.unwrap_or(Interval::M1);
    let open_ms = fault.close_time_ms.saturating_add(1).saturating_sub(interval.as_ms());
    let day = Timestamp::from_millisecond(open_ms).map(|open| open.strftime("%Y-%m-%d").to_string());
    format!("{symbol}-{interval}-{}.zip", day.unwrap_or_default())
}

/// A close as `--at` takes it: the minute that it ends, and the millisecond where there is none.
pub(crate) fn close_moment(close_ms: i64) -> String {
    match Timestamp::from_millisecond(close_ms.saturating_add(1)) {
        Ok(time) if time.as_millisecond() % 60_000 == 0 => time.strftime("%Y-%m-%dT%H:%MZ").to_string(),
        _ => close_ms.to_string(),
    }
}

fn write_params(f: &mut fmt::Formatter<'_>, params: &Map<String, Value>) -> fmt::Result {
    let mut text = String::new();
    for (name, value) in params {
        let plain = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let argument = format!("{name}={plain}");
        if argument != shown(&argument, usize::MAX) || argument.starts_with(['{', '-']) || argument.contains('\n') {
            // A text that would have to be escaped stays what it was as JSON.
            let object = Value::Object(params.clone()).to_string();
            text = format!(" {}", shell_word(&ascii(&object)));
            break;
        }
        text.push(' ');
        text.push_str(&shell_word(&argument));
    }
    match text.len() {
        0 => Ok(()),
        bytes if bytes > PARAMS_BYTES => write!(f, " --params '{{the {} parameters of its row}}'", params.len()),
        _ => write!(f, " --params{text}"),
    }
}

/// JSON with everything but ASCII escaped, and so nothing that a terminal heeds.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() && !character.is_ascii_control() {
            text.push(character);
        } else {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::module::Digest;
    use crate::ownership::Scope;
    use crate::registry::{ModuleRef, TraderRow};
    use crate::sandbox::Outcome;

    fn fault() -> FaultReport {
        FaultReport {
            outcome: Outcome::Trap,
            reason: "on-close: panicked at src/lib.rs:12: no".into(),
            symbols: vec!["BTCUSDT".into()],
            interval: Some(Interval::M5),
            close_time_ms: 1_767_607_199_999,
        }
    }

    fn said(module: &str, candles: &[&str], params: Value) -> String {
        let candles: Vec<String> = candles.iter().map(|file| (*file).to_owned()).collect();
        let params = params.as_object().unwrap().clone();
        Reproduce { module, candles: &candles, params: &params, fault: &fault() }.to_string()
    }

    #[test]
    fn the_command_has_what_was_given() {
        insta::assert_snapshot!(said("plugins/bounce", &["BTCUSDT-1m.zip"], json!({})), @"vyx test plugins/bounce --candles BTCUSDT-1m.zip --at 2026-01-05T10:00Z");
        insta::assert_snapshot!(
            said("my trader.wasm", &["a b.csv", "ETHUSDT:5m=it's.csv"], json!({"period": 7, "line": 30.5, "interval": "5m", "loud": true})),
            @r"vyx test 'my trader.wasm' --candles 'a b.csv' 'ETHUSDT:5m=it'\''s.csv' --params interval=5m line=30.5 loud=true period=7 --at 2026-01-05T10:00Z"
        );
        insta::assert_snapshot!(said("m.wasm", &[], json!({"period": 7})), @"vyx test m.wasm --candles BTCUSDT-5m-2026-01-05.zip --params period=7 --at 2026-01-05T10:00Z");
    }

    #[test]
    fn where_it_runs_decides_how_it_is_seen_again() {
        let digest = Digest::of(b"module");
        let row = TraderRow {
            id: "5048128b-9ea9-4af7-b08b-cc1361d552fa".parse().unwrap(),
            name: "Bounce".into(),
            is_built_in: Some(true),
            user_id: None,
            enabled: Some(true),
            module: Some(ModuleRef { digest, place: "bounce.wasm".into() }),
            params: json!({"period": 7}).as_object().unwrap().clone(),
        };
        let version = Version::of(&Scope::local().admit(row).unwrap());
        let command = |rerun: Rerun| rerun.command(&version, "bounce.wasm", &fault());
        let files = Rerun::Files { folder: "my traders".into(), candles: vec!["BTCUSDT-5m.csv".into()] };
        insta::assert_snapshot!(command(files), @"vyx test 'my traders/bounce.wasm' --candles BTCUSDT-5m.csv --params period=7 --at 2026-01-05T10:00Z");
        let made_up = "vyx dev . --synthetic 1 --symbols 24 --speed max";
        assert_eq!(command(Rerun::MadeUp(made_up.into())), made_up);
        let elsewhere = format!(
            "vyx test {}.wasm --candles BTCUSDT-5m-2026-01-05.zip --params period=7 --at 2026-01-05T10:00Z",
            digest.short()
        );
        assert_eq!(command(Rerun::Elsewhere), elsewhere);
    }

    #[test]
    fn nothing_in_it_reaches_a_terminal_or_another_command() {
        insta::assert_snapshot!(
            said("m.wasm", &["x;rm -rf $HOME"], json!({"text": "a\u{1b}[2J' $(reboot) \u{202e}é"})),
            @r#"vyx test m.wasm --candles 'x;rm -rf $HOME' --params '{"text":"a\u001b[2J'\'' $(reboot) \u202e\u00e9"}' --at 2026-01-05T10:00Z"#
        );
        let long = said("m.wasm", &[], json!({"text": "x".repeat(700)}));
        assert!(long.contains("the 1 parameters of its row") && long.len() < 300, "{long}");
    }
}
