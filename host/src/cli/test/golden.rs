//! Golden files: the signals that a trader gave once, to be held against those that it gives now. A line is a signal, with what does
//! not depend on the bytes of the module, so that a diff of the file reads like a change of behaviour.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::range::Range;
use crate::cli::failure::Failure;
use crate::files::{self, NewFile};
use crate::signal::StampedSignal;
use crate::text::shown;

/// More than any golden file that somebody reads.
const READ_BYTES: u64 = 256 << 20;
/// Lines of a difference that are shown.
const LINES_SHOWN: usize = 40;
/// Bytes of a line that are shown.
const LINE_BYTES: usize = 400;

/// What makes a signal the same one: when its candle closed, the symbol, the interval and the tag.
type Key = (String, String, String, String);

/// A line of a golden file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    key: Key,
    line: String,
}

impl Entry {
    /// The line of a signal.
    pub(super) fn of(signal: &StampedSignal) -> Self {
        let timestamp = signal.timestamp().to_string();
        let key = (timestamp, signal.symbol().to_owned(), signal.interval().to_owned(), signal.tag().to_owned());
        let provenance = signal.provenance();
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put("timestamp", key.0.clone().into());
        put("symbol", key.1.clone().into());
        put("interval", key.2.clone().into());
        put("tag", key.3.clone().into());
        put("price_at_signal", signal.price().into());
        put("change_percent_at_signal", signal.change_percent().into());
        put("volume_at_signal", signal.volume().into());
        put("plots", json!(signal.plots()));
        put("warm", provenance.warm.into());
        if provenance.missing_base_candles > 0 {
            put("missing_base_candles", provenance.missing_base_candles.into());
        }
        if !provenance.missing_streams.is_empty() {
            put("missing_streams", json!(provenance.missing_streams));
        }
        Self { key, line: ordered(&fields) }
    }

    /// When its candle closed; none where the file says no time.
    fn close_ms(&self) -> Option<i64> {
        self.key.0.parse::<jiff::Timestamp>().ok().map(|time| time.as_millisecond())
    }

    fn read(line: &str) -> Result<Self, String> {
        let fields: Map<String, Value> = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let text = |name: &str| {
            let value = fields.get(name).and_then(Value::as_str).map(str::to_owned);
            value.ok_or_else(|| format!("it has no {name:?}"))
        };
        Ok(Self { key: (text("timestamp")?, text("symbol")?, text("interval")?, text("tag")?), line: line.to_owned() })
    }
}

/// What a reader looks for comes first.
fn ordered(fields: &Map<String, Value>) -> String {
    const FIRST: [&str; 5] = ["timestamp", "symbol", "interval", "tag", "price_at_signal"];
    let first = FIRST.iter().filter_map(|name| Some((*name, fields.get(*name)?)));
    let rest = fields.iter().map(|(name, value)| (name.as_str(), value)).filter(|(name, _)| !FIRST.contains(name));
    let written: Vec<String> =
        first.chain(rest).map(|(name, value)| format!("{}:{value}", Value::from(name))).collect();
    format!("{{{}}}", written.join(","))
}

/// How the signals differ from those of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Lines of the file that are missing now, and of now that the file has not, in the order of time: what changed stands together.
    lines: Vec<String>,
    gone: usize,
    new: usize,
    changed: usize,
}

impl Difference {
    /// Between the file and now. The order of lines means nothing.
    pub(super) fn between(golden: &[Entry], now: &[Entry]) -> Self {
        let mut keys: BTreeMap<&Key, (Vec<&str>, Vec<&str>)> = BTreeMap::new();
        for entry in golden {
            keys.entry(&entry.key).or_default().0.push(&entry.line);
        }
        for entry in now {
            keys.entry(&entry.key).or_default().1.push(&entry.line);
        }
        let mut difference = Self::default();
        for (before, after) in keys.into_values() {
            if before == after {
                continue;
            }
            let kept = |lines: &[&str], line: &&&str| !lines.contains(*line);
            let gone: Vec<&&str> = before.iter().filter(|line| kept(&after, line)).collect();
            let new: Vec<&&str> = after.iter().filter(|line| kept(&before, line)).collect();
            let changed = gone.len().min(new.len());
            difference.changed += changed;
            difference.gone += gone.len() - changed;
            difference.new += new.len() - changed;
            difference.lines.extend(gone.iter().map(|line| format!("- {}", shown(line, LINE_BYTES))));
            difference.lines.extend(new.iter().map(|line| format!("+ {}", shown(line, LINE_BYTES))));
            // A line that stands twice on one side is a difference as well.
            if gone.is_empty() && new.is_empty() {
                difference.changed += 1;
                let line = before.first().or(after.first()).copied().unwrap_or_default();
                let (before, after) = (before.len(), after.len());
                difference
                    .lines
                    .push(format!("! {before} times in the file, {after} times now: {}", shown(line, LINE_BYTES)));
            }
        }
        difference
    }

    pub(super) fn is_none(&self) -> bool {
        self.lines.is_empty()
    }

    /// In words, of how many there are.
    fn counted(&self) -> String {
        let Self { gone, new, changed, .. } = self;
        format!("{gone} gone, {new} new, {changed} changed")
    }

    /// What a person is told.
    pub(super) fn told(&self) -> Vec<String> {
        let mut told: Vec<String> = self.lines.iter().take(LINES_SHOWN).cloned().collect();
        if let Some(more) = self.lines.len().checked_sub(LINES_SHOWN + 1) {
            told.push(format!("and {} more lines", more + 1));
        }
        told
    }
}

/// A golden file as it was before the run.
pub(super) enum Golden<'a> {
    /// To be held against what is signalled now.
    Held(&'a Path, Vec<Entry>),
    /// To be written; the signals are those that it has, if it is one.
    Updated(&'a Path, Option<Vec<Entry>>, NewFile),
}

impl<'a> Golden<'a> {
    /// Reads it, or proves that it can be written, so that a wrong one costs nobody a run.
    pub(super) fn open(path: &'a Path, update: bool) -> Result<Self, Failure> {
        let name = path.display();
        match read(path) {
            // What is replaced need not be understood.
            golden if update => Ok(Self::Updated(path, golden.ok(), NewFile::open(path).map_err(Failure::input)?)),
            Ok(golden) => Ok(Self::Held(path, golden)),
            Err(Unread::Missing) => {
                Err(Failure::input(format!("{name} is not there; make it with --golden {name} --update")))
            }
            Err(Unread::Wrong(message)) => Err(Failure::input(message)),
        }
    }

    pub(super) fn path(&self) -> &'a Path {
        match self {
            Self::Held(path, _) | Self::Updated(path, ..) => path,
        }
    }

    /// Holds signals of a range against it, or writes them. What is noted goes to `note`.
    pub(super) fn compare(self, now: &[Entry], range: Range, note: &mut dyn FnMut(&str)) -> Result<bool, Failure> {
        match self {
            Self::Held(path, golden) => Ok(holds(path, golden, now, range, note)),
            Self::Updated(path, golden, file) => update((path, file), golden, now, note).map(|()| true),
        }
    }
}

fn update(
    (path, file): (&Path, NewFile),
    golden: Option<Vec<Entry>>,
    now: &[Entry],
    note: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    let name = path.display();
    let change = golden.map(|golden| Difference::between(&golden, now));
    if change.as_ref().is_some_and(Difference::is_none) {
        note(&format!("golden       {name} is as it was, {} signals", now.len()));
        return Ok(());
    }
    let text: String = now.iter().map(|entry| format!("{}\n", entry.line)).collect();
    file.write(text.as_bytes()).map_err(Failure::input)?;
    let change = change.map(|change| format!(": {}", change.counted())).unwrap_or_default();
    note(&format!("golden       {name} written, {} signals{change}", now.len()));
    Ok(())
}

fn holds(path: &Path, mut golden: Vec<Entry>, now: &[Entry], range: Range, note: &mut dyn FnMut(&str)) -> bool {
    let name = path.display();
    golden.retain(|entry| entry.close_ms().is_none_or(|close_ms| range.holds(close_ms)));
    let difference = Difference::between(&golden, now);
    if difference.is_none() {
        note(&format!("golden       {name} holds, {} signals", now.len()));
        return true;
    }
    for line in difference.told() {
        note(&line);
    }
    note(&format!("the signals differ from {name} (-): {}; --update takes those of now (+)", difference.counted()));
    false
}

enum Unread {
    Missing,
    Wrong(String),
}

fn read(path: &Path) -> Result<Vec<Entry>, Unread> {
    if !path.exists() {
        return Err(Unread::Missing);
    }
    let wrong = |message: String| Unread::Wrong(message);
    let bytes = files::read(path, READ_BYTES).map_err(|error| wrong(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong(format!("{} is not text", path.display())))?;
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    lines
        .map(|(at, line)| {
            Entry::read(line).map_err(|error| {
                let number = at + 1;
                wrong(format!(
                    "line {number} of {} is not a signal: {error}; make it anew with --update",
                    path.display()
                ))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(minute: i64, tag: &str, price: f64) -> Entry {
        let line = format!(
            r#"{{"timestamp":"2026-01-05T10:{minute:02}:59.999Z","symbol":"BTCUSDT","interval":"1m","tag":"{tag}","price_at_signal":{price}}}"#
        );
        Entry::read(&line).unwrap()
    }

    #[test]
    fn a_line_is_read_back_as_it_was_written() {
        let id = "5048128b-9ea9-4af7-b08b-cc1361d552fa".parse().unwrap();
        let signal = StampedSignal::sample(id, 29_460_120, "short", false);
        let entry = Entry::of(&signal);
        assert_eq!(Entry::read(&entry.line), Ok(entry.clone()));
        insta::assert_snapshot!(entry.line, @r#"{"timestamp":"2026-01-05T10:00:59.999Z","symbol":"BTCUSDT","interval":"1m","tag":"short","price_at_signal":101.5,"change_percent_at_signal":null,"plots":{},"volume_at_signal":null,"warm":true}"#);
        let twin = Entry::of(&StampedSignal::sample(
            "73d7da06-0000-4000-8000-000000000001".parse().unwrap(),
            29_460_120,
            "short",
            false,
        ));
        assert_eq!(twin, entry, "whose it is does not matter");
    }

    #[test]
    fn a_difference_shows_what_is_gone_new_and_changed() {
        let golden = [entry(1, "up", 5.0), entry(2, "up", 6.0), entry(3, "down", 7.0)];
        let now = [entry(1, "up", 5.5), entry(3, "down", 7.0), entry(4, "up", 8.0)];
        let difference = Difference::between(&golden, &now);
        insta::assert_snapshot!(difference.told().join("\n"), @r#"
        - {"timestamp":"2026-01-05T10:01:59.999Z","symbol":"BTCUSDT","interval":"1m","tag":"up","price_at_signal":5}
        + {"timestamp":"2026-01-05T10:01:59.999Z","symbol":"BTCUSDT","interval":"1m","tag":"up","price_at_signal":5.5}
        - {"timestamp":"2026-01-05T10:02:59.999Z","symbol":"BTCUSDT","interval":"1m","tag":"up","price_at_signal":6}
        + {"timestamp":"2026-01-05T10:04:59.999Z","symbol":"BTCUSDT","interval":"1m","tag":"up","price_at_signal":8}
        "#);
        assert_eq!(difference.counted(), "1 gone, 1 new, 1 changed");
        let twice = Difference::between(&golden, &[golden.to_vec(), vec![golden[2].clone()]].concat());
        assert!(!twice.is_none() && twice.told()[0].starts_with("! 1 times in the file, 2 times now"));
    }

    #[test]
    fn a_long_difference_is_cut() {
        let golden: Vec<Entry> = (0..59).map(|minute| entry(minute, "up", 1.0)).collect();
        let told = Difference::between(&golden, &[]).told();
        assert_eq!((told.len(), told.last().unwrap().as_str()), (LINES_SHOWN + 1, "and 19 more lines"));
    }

    #[test]
    fn what_is_no_golden_file_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("golden.jsonl");
        let held = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Golden::open(&path, false)?.compare(&[entry(1, "up", 5.0)], Range::default(), &mut |_| {})
        };
        let line = entry(1, "up", 5.0).line;
        assert!(held(&format!("{line}\r\n\r\n")).unwrap(), "line ends of another system change nothing");
        let refused = held(&format!("{line}\n{{\"tag\":\"up\"}}\n")).unwrap_err();
        assert!(refused.message().unwrap().contains("line 2 of"), "{refused:?}");
        assert!(refused.message().unwrap().contains("it has no \"timestamp\""), "{refused:?}");
        assert!(held("\u{1b}[2J").unwrap_err().message().unwrap().contains("line 1"));
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let one = (0..8_i64, "[ab]", 0..3_u8).prop_map(|(minute, tag, price)| entry(minute, &tag, f64::from(price)));
        proptest::collection::vec(one, 0..12)
    }

    proptest! {
        /// None with itself in any order; otherwise as many as one can count.
        #[test]
        fn a_difference_is_none_only_between_equals(golden in entries(), now in entries(), turn in 0..12_usize) {
            let mut turned = golden.clone();
            if !turned.is_empty() {
                let by = turn % turned.len();
                turned.rotate_left(by);
            }
            let sorted = |entries: &[Entry]| {
                let mut lines: Vec<String> = entries.iter().map(|entry| entry.line.clone()).collect();
                lines.sort();
                lines
            };
            // Lines of one key keep their order, so only distinct keys may be turned.
            let mut keys: Vec<&Key> = golden.iter().map(|entry| &entry.key).collect();
            keys.sort();
            keys.dedup();
            if keys.len() == golden.len() {
                prop_assert!(Difference::between(&golden, &turned).is_none());
            }
            let difference = Difference::between(&golden, &now);
            if difference.is_none() {
                prop_assert_eq!(sorted(&golden), sorted(&now));
            } else {
                prop_assert_ne!(&golden, &now);
            }
        }
    }
}
