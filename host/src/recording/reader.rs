//! Reads a recording: its sessions, and of each what happened, in order. What a killed host left torn at the end is left out and said.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

use super::format::{About, COLUMNS, Delivery, Event, FORMAT, HEADER, Insert, Names, signal_of};
use super::{CANDLES, DECISIONS, number_of};
use crate::config::quoted;
use crate::ids::TraderId;
use crate::market::{Candle, Interval, Segment, SegmentBuilder, SymbolId, Symbols};

/// The longest line that is read.
const LINE_BYTES: u64 = 16 << 20;

/// Why a recording cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A file or the folder cannot be opened.
    #[error("cannot read {file}: {error}; check the path and that it may be read")]
    Read {
        /// Which.
        file: String,
        /// Why.
        error: std::io::Error,
    },
    /// No recording is there.
    #[error("{0} has no recording; give the folder that `vyx record` or RECORD_DIR wrote to")]
    None(String),
    /// A part is missing.
    #[error("session {session} has no part {part}; a session is replayed from its start, so keep all of its files")]
    Part {
        /// The session.
        session: String,
        /// Its part, from 0.
        part: u32,
    },
    /// A line that this host did not write.
    #[error("{file}, line {line}: {problem}")]
    Line {
        /// The file.
        file: String,
        /// Counted from 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
}

/// A folder of sessions.
#[derive(Debug)]
pub struct Recording {
    /// In the order of their starts.
    pub sessions: Vec<Session>,
    /// What was left out.
    pub notes: Vec<String>,
}

/// What a host did from its start to its end.
#[derive(Debug)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Its files of decisions, in order; the candles are beside them.
    parts: Vec<String>,
    first_part: u32,
    dir: Dir,
}

/// Something that happened.
#[derive(Debug)]
pub(super) enum Step {
    About(About),
    Offered(Symbols),
    History(Interval, usize),
    Chart(usize),
    Settled(BTreeMap<Interval, u32>),
    Insert(Insert),
    Retire(TraderId),
    Remove(TraderId),
    /// A segment; with the JSON of its signals, and whether its rows are those that were recorded.
    Segment {
        delivery: Delivery,
        signals: Vec<String>,
        is_intact: bool,
        place: String,
    },
}

impl Recording {
    /// Looks for the sessions of a folder.
    ///
    /// # Errors
    ///
    /// If there are none, or a file cannot be read.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let shown = quoted(&path.to_string_lossy());
        let cannot = |error| RecordingError::Read { file: shown.clone(), error };
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(cannot)?;
        let mut files: BTreeMap<u32, String> = BTreeMap::new();
        for entry in dir.entries().map_err(cannot)? {
            let name = entry.map_err(cannot)?.file_name().to_string_lossy().into_owned();
            if name.starts_with(DECISIONS)
                && name.ends_with(".jsonl")
                && let Some(number) = number_of(&name)
            {
                files.insert(number, name);
            }
        }
        if files.is_empty() {
            return Err(RecordingError::None(shown));
        }
        let mut recording = Self { sessions: Vec::new(), notes: Vec::new() };
        for name in files.into_values() {
            let mut lines = Lines::open(&dir, &name)?;
            let Some(first) = lines.next()? else {
                recording.notes.push(format!("{name} has no whole line, and is left out"));
                continue;
            };
            let Ok(Event::File { format, session, part }) = serde_json::from_str(&first) else {
                return Err(lines.error("this is no recording; take the file out of the folder"));
            };
            if format != FORMAT {
                return Err(lines.error(&format!("format {format} is not {FORMAT}; use the vyx that recorded it")));
            }
            match recording.sessions.iter_mut().find(|known| known.id == session) {
                Some(known) => {
                    let expected = known.first_part + u32::try_from(known.parts.len()).unwrap_or(u32::MAX);
                    if part != expected {
                        return Err(RecordingError::Part { session, part: expected });
                    }
                    known.parts.push(name);
                }
                None => {
                    let dir = dir.try_clone().map_err(cannot)?;
                    recording.sessions.push(Session { id: session, parts: vec![name], first_part: part, dir });
                }
            }
        }
        Ok(recording)
    }
}

impl Session {
    /// Reads it from its start.
    pub(super) fn steps(&self) -> Result<Steps<'_>, RecordingError> {
        if self.first_part > 0 {
            return Err(RecordingError::Part { session: self.id.clone(), part: 0 });
        }
        Ok(Steps { session: self, next: 0, files: None, names: Names::default(), ended: false, notes: Vec::new() })
    }
}

/// The steps of a session.
pub(super) struct Steps<'a> {
    session: &'a Session,
    next: usize,
    files: Option<(Lines, Lines)>,
    names: Names,
    /// Whether the host ended in order.
    ended: bool,
    pub(super) notes: Vec<String>,
}

impl Steps<'_> {
    /// The next step; the candles of a segment are put into `into`, which keeps them for the next one that is told again.
    pub(super) fn next(&mut self, into: &mut Segment) -> Result<Option<Step>, RecordingError> {
        loop {
            let is_last = self.next >= self.session.parts.len();
            let Some((decisions, candles)) = &mut self.files else {
                let Some(name) = self.session.parts.get(self.next) else { return Ok(None) };
                let mut decisions = Lines::open(&self.session.dir, name)?;
                let beside = name.replacen(DECISIONS, CANDLES, 1).replace(".jsonl", ".csv");
                let mut candles = Lines::open(&self.session.dir, &beside)?;
                decisions.next()?;
                if candles.next()?.is_none_or(|header| header != HEADER.trim_end()) {
                    return Err(candles.error("the header is not that of a recording; take the files from a backup"));
                }
                self.files = Some((decisions, candles));
                self.next += 1;
                continue;
            };
            let Some(line) = decisions.next()? else {
                if decisions.is_torn {
                    self.notes.push(format!("{}: its last line is torn, and is left out", decisions.name));
                }
                if decisions.is_torn && !is_last {
                    return Err(
                        decisions.error("a line in the middle of a session is torn; take the file from a backup")
                    );
                }
                if is_last && !self.ended {
                    self.notes.push("the host was killed, or still records: what came last may be missing".to_owned());
                }
                self.files = None;
                continue;
            };
            let bad = |problem: String| decisions.error(&problem);
            let event = serde_json::from_str(&line)
                .map_err(|error| bad(format!("{error}; the line was changed, take the file from a backup")))?;
            return Ok(Some(match event {
                Event::File { .. } => return Err(bad("a second first line; take the file from a backup".to_owned())),
                Event::End => {
                    self.ended = true;
                    continue;
                }
                Event::Session(about) => Step::About(about),
                Event::Symbols { names } => {
                    self.names.offer(&names);
                    let mut symbols = Symbols::new();
                    for name in &names {
                        symbols.intern_anew(name).map_err(|error| bad(error.to_string()))?;
                    }
                    Step::Offered(symbols)
                }
                Event::History { interval, candles } => {
                    Step::History(interval.parse().map_err(|error| bad(format!("{error}")))?, candles)
                }
                Event::Chart { candles } => Step::Chart(candles),
                Event::Settled { keeps } => {
                    let parsed = keeps.into_iter().map(|(interval, candles)| Ok((interval.parse()?, candles)));
                    let parsed = parsed.collect::<Result<_, crate::market::IntervalError>>();
                    Step::Settled(parsed.map_err(|error| bad(error.to_string()))?)
                }
                Event::Insert(insert) => Step::Insert(insert),
                Event::Retire { trader } => Step::Retire(trader),
                Event::Remove { trader } => Step::Remove(trader),
                Event::Segment(delivery) => {
                    let place = format!("{}, line {}", decisions.name, decisions.line);
                    let mut signals = Vec::with_capacity(delivery.signals.min(10_000));
                    for _ in 0..delivery.signals {
                        let Some(line) = decisions.next()? else { break };
                        let json = signal_of(&line).map(str::to_owned);
                        signals.push(
                            json.ok_or_else(|| decisions.error("this is no signal; take the file from a backup"))?,
                        );
                    }
                    if signals.len() < delivery.signals {
                        if !is_last {
                            return Err(decisions.error("signals are missing here; take the file from a backup"));
                        }
                        self.notes.push(format!("{}: its last delivery is torn, and is left out", decisions.name));
                        return Ok(None);
                    }
                    let Some(is_intact) = segment(&delivery, candles, &mut self.names, into)? else {
                        if !is_last {
                            return Err(candles.error("rows are missing here; take the file from a backup"));
                        }
                        self.notes.push(format!("{}: its last rows are torn, and are left out", candles.name));
                        return Ok(None);
                    };
                    Step::Segment { delivery, signals, is_intact, place }
                }
            }));
        }
    }
}

/// Reads the rows of a segment; none if they end too early. Whether they are those that were written.
fn segment(
    delivery: &Delivery,
    rows: &mut Lines,
    names: &mut Names,
    into: &mut Segment,
) -> Result<Option<bool>, RecordingError> {
    if delivery.again {
        return Ok(Some(true));
    }
    names.learn(&delivery.named);
    names.learn(&delivery.joined);
    let mut builder = into.builder();
    builder.telling(delivery.telling.into());
    delivery.lagging.iter().for_each(|symbol| builder.lagging(SymbolId(*symbol)));
    delivery.named.iter().for_each(|(symbol, name)| builder.named(SymbolId(*symbol), name));
    delivery.joined.iter().for_each(|(symbol, name)| builder.joined(SymbolId(*symbol), name));
    delivery.gone.iter().for_each(|symbol| builder.gone(SymbolId(*symbol)));
    for (interval, candles) in &delivery.filled {
        builder.filled(interval.parse().map_err(|error| rows.error(&format!("{error}")))?, *candles);
    }
    let mut hash = blake3::Hasher::new();
    let mut batch = None;
    for _ in 0..delivery.rows {
        let Some(line) = rows.next()? else { return Ok(None) };
        hash.update(line.as_bytes());
        hash.update(b"\n");
        row(&line, names, &mut batch, &mut builder).map_err(|problem| rows.error(&problem))?;
    }
    builder.finish().map_err(|error| rows.error(&error.to_string()))?;
    Ok(Some(hash.finalize().to_hex().as_str() == delivery.blake3))
}

fn row(
    line: &str,
    names: &Names,
    batch: &mut Option<(Interval, i64)>,
    builder: &mut SegmentBuilder<'_>,
) -> Result<(), String> {
    let fields: Vec<&str> = line.split(',').collect();
    let Ok::<[&str; COLUMNS], _>(
        [symbol, interval, open, o, h, l, c, volume, _, quote, trades, taker, missing, backfilled, gap_from, id],
    ) = fields.try_into()
    else {
        return Err(format!("the row has not {COLUMNS} columns; take the file from a backup"));
    };
    let not = |column: &str, text: &str| format!("{column} is {}; take the file from a backup", quoted(text));
    let id = id.parse().map(SymbolId).map_err(|_| not("symbol_id", id))?;
    let symbol = names.name(id).filter(|name| *name == symbol).map(|_| id).ok_or_else(|| not("symbol", symbol))?;
    let interval: Interval = interval.parse().map_err(|_| not("interval", interval))?;
    let open_time_ms: i64 = open.parse().map_err(|_| not("open_time", open))?;
    let number = |column: &str, text: &str| text.parse::<f64>().map_err(|_| not(column, text));
    let optional = |column: &str, text: &str| if text.is_empty() { Ok(f64::NAN) } else { number(column, text) };
    let values = [
        number("open", o)?,
        number("high", h)?,
        number("low", l)?,
        number("close", c)?,
        number("volume", volume)?,
        optional("quote_volume", quote)?,
        optional("taker_buy_volume", taker)?,
        optional("count", trades)?,
    ];
    Candle::from_values(open_time_ms, values).check(interval).map_err(|fault| fault.to_string())?;
    if batch.replace((interval, open_time_ms)) != Some((interval, open_time_ms)) {
        builder.batch(interval, open_time_ms).map_err(|error| error.to_string())?;
    }
    if !gap_from.is_empty() {
        let gap_from = gap_from.parse().map_err(|_| not("gap_from", gap_from))?;
        builder.gap(symbol, gap_from).map_err(|error| error.to_string())?;
    }
    let missing = missing.parse().map_err(|_| not("missing", missing))?;
    let backfilled = match backfilled {
        "0" => false,
        "1" => true,
        other => return Err(not("backfilled", other)),
    };
    builder.row_from(symbol, &values, missing, backfilled).map_err(|error| error.to_string())
}

/// The whole lines of a file.
struct Lines {
    name: String,
    input: BufReader<File>,
    line: u64,
    is_torn: bool,
}

impl Lines {
    fn open(dir: &Dir, name: &str) -> Result<Self, RecordingError> {
        let file = dir.open(name).map_err(|error| RecordingError::Read { file: name.to_owned(), error })?;
        Ok(Self { name: name.to_owned(), input: BufReader::new(file), line: 0, is_torn: false })
    }

    /// The next line that ends; a last one that does not is torn.
    fn next(&mut self) -> Result<Option<String>, RecordingError> {
        let mut line = Vec::new();
        let mut input = std::io::Read::take(&mut self.input, LINE_BYTES);
        input.read_until(b'\n', &mut line).map_err(|error| RecordingError::Read { file: self.name.clone(), error })?;
        if line.last() != Some(&b'\n') {
            self.is_torn |= !line.is_empty();
            return Ok(None);
        }
        line.pop();
        self.line += 1;
        String::from_utf8(line).map(Some).map_err(|_| self.error("this is no UTF-8; take the file from a backup"))
    }

    fn error(&self, problem: &str) -> RecordingError {
        RecordingError::Line { file: self.name.clone(), line: self.line, problem: problem.to_owned() }
    }
}
