//! The command that shows a fault again, on the machine of whoever wrote the trader.

use std::fmt;
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde_json::{Map, Value};

use crate::market::Interval;
use crate::sandbox::Subscription;
use crate::supervisor::plan::Version;
use crate::supervisor::runner::FaultReport;
use crate::text::{shell_word, shown};

/// Parameters longer than this are left to the reader: the line has to fit a log.
const PARAMS_BYTES: usize = 600;
/// And so many archives of candles.
const ARCHIVES: usize = 16;
/// Candles of fewer days come as archives of days.
const FEW_DAYS: i64 = 4;
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
    pub fn command(
        &self,
        version: &Version,
        place: &str,
        subscription: Option<&Subscription>,
        fault: &FaultReport,
    ) -> String {
        let params = serde_json::from_str(version.key.params.as_str()).unwrap_or_default();
        let (module, candles) = match self {
            Self::MadeUp(command) => return command.clone(),
            Self::Files { folder, candles } => (folder.join(place).display().to_string(), candles.clone()),
            Self::Elsewhere => (format!("{}.wasm", version.key.digest.short()), archives(subscription, fault)),
        };
        Reproduce { module: &module, candles: &candles, params: &params, fault }.to_string()
    }
}

/// What was run, and where it faulted.
#[derive(Debug, Clone, Copy)]
pub struct Reproduce<'a> {
    /// The module: a file, or the folder of a crate.
    pub module: &'a str,
    /// The files of candles.
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
        for file in *candles {
            write!(f, " {}", shell_word(&shown(file, NAME_BYTES)))?;
        }
        write_params(f, params)?;
        write!(f, " --at {}", close_moment(fault.close_time_ms))
    }
}

/// The names of the exchange's archives in which the candle is, and what warms the trader up for it.
fn archives(subscription: Option<&Subscription>, fault: &FaultReport) -> Vec<String> {
    let symbol = fault.symbols.first().map_or("SYMBOL", String::as_str);
    let mut streams: Vec<(&str, Interval, u32)> = Vec::new();
    match subscription {
        Some(Subscription { needs, other_streams, .. }) => {
            streams.extend(needs.iter().map(|need| (symbol, need.interval, need.warm_up)));
            let others = other_streams.iter().filter(|(other, _)| other != symbol);
            streams
                .extend(others.filter_map(|(other, at)| {
                    needs.get(*at).map(|need| (other.as_str(), need.interval, need.warm_up))
                }));
        }
        None => streams.push((symbol, fault.interval.unwrap_or(Interval::M1), 0)),
    }
    let dated = streams.into_iter().map(|(symbol, interval, warm_up)| {
        let (from, dates) = dates(interval, warm_up, fault.close_time_ms);
        (format!("{symbol}-{interval}"), from, dates)
    });
    let dated: Vec<_> = dated.collect();
    let is_short = dated.iter().map(|(.., dates)| dates.len()).sum::<usize>() <= ARCHIVES;
    let mut files = Vec::new();
    for (name, from, dates) in dated {
        if is_short || dates.len() == 1 {
            files.extend(dates.into_iter().map(|date| format!("{name}-{date}.zip")));
        } else {
            files.push(format!("the archives of {name} from {from} on"));
        }
    }
    if files.len() > ARCHIVES {
        let more = files.split_off(ARCHIVES).len();
        // In quotes, so that it is never run by mistake.
        files.push(format!("and {more} more"));
    }
    files
}

/// From which day candles are needed, and the dates of their archives: one for each day, and where there are more than a few, one for
/// each month before that of the candle. Candles that are longer than a day come by the month only.
fn dates(interval: Interval, warm_up: u32, close_ms: i64) -> (Date, Vec<String>) {
    let day = |open_ms: i64| {
        let time = Timestamp::from_millisecond(open_ms).unwrap_or_default();
        TimeZone::UTC.to_datetime(time).date()
    };
    let open_ms = interval.open_of(close_ms);
    let (from, until) = (day(open_ms - i64::from(warm_up) * interval.as_ms()), day(open_ms));
    let is_monthly = interval > Interval::D1;
    let is_long = is_monthly
        || from.saturating_add(Span::new().days(FEW_DAYS)) <= until && from.first_of_month() < until.first_of_month();
    let mut dates = Vec::new();
    let mut next = if is_long { from.first_of_month() } else { from };
    while next <= until && dates.len() <= ARCHIVES {
        let is_month = is_monthly || (is_long && next.first_of_month() < until.first_of_month());
        dates.push(next.strftime(if is_month { "%Y-%m" } else { "%Y-%m-%d" }).to_string());
        let step = if is_month { Span::new().months(1) } else { Span::new().days(1) };
        next = next.saturating_add(step);
    }
    (from, dates)
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
    use crate::sandbox::{Hygiene, Need, Outcome};

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
        let command = |rerun: Rerun| rerun.command(&version, "bounce.wasm", None, &fault());
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
    fn archives_reach_back_over_the_warm_up() {
        let archives_at = |close_time_ms: i64, needs: &[(&str, u32)], others: &[&str]| {
            let need = |(interval, warm_up): &(&str, u32)| Need {
                interval: interval.parse().unwrap(),
                warm_up: *warm_up,
                lookback: 0,
            };
            let subscription = Subscription {
                needs: needs.iter().map(need).collect(),
                symbols: Vec::new(),
                other_streams: others.iter().map(|symbol| ((*symbol).to_owned(), 0)).collect(),
                hygiene: Hygiene::default(),
            };
            archives(Some(&subscription), &FaultReport { close_time_ms, ..fault() }).join(" ")
        };
        let archives = |needs: &[(&str, u32)], others: &[&str]| archives_at(fault().close_time_ms, needs, others);
        insta::assert_snapshot!(archives(&[("5m", 0)], &[]), @"BTCUSDT-5m-2026-01-05.zip");
        insta::assert_snapshot!(archives(&[("5m", 120)], &[]), @"BTCUSDT-5m-2026-01-04.zip BTCUSDT-5m-2026-01-05.zip");
        insta::assert_snapshot!(archives(&[("5m", 120), ("1h", 20)], &["ETHUSDT"]), @"BTCUSDT-5m-2026-01-04.zip BTCUSDT-5m-2026-01-05.zip BTCUSDT-1h-2026-01-04.zip BTCUSDT-1h-2026-01-05.zip ETHUSDT-5m-2026-01-04.zip ETHUSDT-5m-2026-01-05.zip");
        insta::assert_snapshot!(archives(&[("1h", 200)], &[]), @"BTCUSDT-1h-2025-12.zip BTCUSDT-1h-2026-01-01.zip BTCUSDT-1h-2026-01-02.zip BTCUSDT-1h-2026-01-03.zip BTCUSDT-1h-2026-01-04.zip BTCUSDT-1h-2026-01-05.zip");
        insta::assert_snapshot!(archives(&[("1d", 200)], &[]), @"BTCUSDT-1d-2025-06.zip BTCUSDT-1d-2025-07.zip BTCUSDT-1d-2025-08.zip BTCUSDT-1d-2025-09.zip BTCUSDT-1d-2025-10.zip BTCUSDT-1d-2025-11.zip BTCUSDT-1d-2025-12.zip BTCUSDT-1d-2026-01-01.zip BTCUSDT-1d-2026-01-02.zip BTCUSDT-1d-2026-01-03.zip BTCUSDT-1d-2026-01-04.zip BTCUSDT-1d-2026-01-05.zip");
        insta::assert_snapshot!(archives(&[("1w", 200)], &[]), @"the archives of BTCUSDT-1w from 2022-03-07 on");
        insta::assert_snapshot!(archives(&[("1w", 4)], &[]), @"BTCUSDT-1w-2025-12.zip BTCUSDT-1w-2026-01.zip");
        let others: Vec<String> = (0..20).map(|number| format!("S{number}USDT")).collect();
        let others: Vec<&str> = others.iter().map(String::as_str).collect();
        assert!(archives(&[("5m", 0)], &others).ends_with(" S14USDT-5m-2026-01-05.zip and 5 more"));
        let later = fault().close_time_ms + 20 * 86_400_000;
        let of_days = archives_at(later, &[("1h", 120)], &[]);
        assert!(
            of_days.starts_with("BTCUSDT-1h-2026-01-20.zip ") && of_days.ends_with(" BTCUSDT-1h-2026-01-25.zip"),
            "{of_days}"
        );
        let many = archives_at(later, &[("5m", 0), ("15m", 1_000), ("1h", 200)], &[]);
        insta::assert_snapshot!(many, @"BTCUSDT-5m-2026-01-25.zip the archives of BTCUSDT-15m from 2026-01-14 on the archives of BTCUSDT-1h from 2026-01-17 on");
    }

    #[test]
    fn nothing_in_it_reaches_a_terminal_or_another_command() {
        insta::assert_snapshot!(
            said("m.wasm", &["x;rm -rf $HOME"], json!({"text": "a\u{1b}[2J' $(reboot) \u{202e}é"})),
            @r#"vyx test m.wasm --candles 'x;rm -rf $HOME' --params '{"text":"a\u001b[2J'\'' $(reboot) \u202e\u00e9"}' --at 2026-01-05T10:00Z"#
        );
        let long = said("m.wasm", &["BTCUSDT-1m.zip"], json!({"text": "x".repeat(700)}));
        assert!(long.contains("the 1 parameters of its row") && long.len() < 300, "{long}");
    }
}
