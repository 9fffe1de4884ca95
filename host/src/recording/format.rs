//! How a recording is written down: candles as CSV rows, everything else as JSON lines.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::ids::{FlyAppId, TraderId, UserId};
use crate::market::{BatchRef, Column, Segment, SymbolId, Telling};
use crate::module::Digest;
use crate::sandbox::Cut;

/// The form that this host writes and reads.
pub(super) const FORMAT: u32 = 2;

/// The first line of a file of candles. The names are those of data.binance.vision; `gap_from` is the first open time without a
/// candle before this one. A market that came back has an id for each of its lives, so the name alone does not tell which it is.
pub(super) const HEADER: &str = "symbol,interval,open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,missing,backfilled,gap_from,symbol_id\n";

/// The columns of [`HEADER`].
pub(super) const COLUMNS: usize = 16;

/// A line of a file of decisions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Event {
    /// The first line of a file.
    File {
        /// See [`FORMAT`].
        format: u32,
        /// The session that it belongs to.
        session: String,
        /// Its place in that session, from 0.
        part: u32,
    },
    /// A host started.
    Session(About),
    /// The symbols on offer, by id.
    Symbols { names: Vec<String> },
    /// Candles of an interval that are kept whatever traders ask for.
    History { interval: String, candles: usize },
    /// Candles of the chart of a signal, which are kept as well.
    Chart { candles: usize },
    /// Candles of each interval that are kept from the next segment on, and no more.
    Settled { keeps: Vec<(String, u32)> },
    /// A trader was taken in.
    Insert(Insert),
    /// A trader waits to be replaced.
    Retire { trader: TraderId },
    /// A trader was stopped.
    Remove { trader: TraderId },
    /// Candles were delivered, or taken in.
    Segment(Delivery),
    /// The host ended in order.
    End,
}

/// What a host says of itself at the start of a session. No secrets, and nothing of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it started, by its own clock.
    pub started: String,
    /// Its version.
    pub version: String,
    /// The commit that it was built from.
    pub git_sha: String,
    /// The runtime of the traders.
    pub wasmtime: String,
    /// Whose traders it runs.
    pub run_mode: String,
    /// Where its candles come from.
    pub feed: String,
    /// Whether that loads history by itself, for which traders wait.
    pub loads_history: bool,
}

/// A trader that was taken in, with all that its signals are made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Insert {
    pub(super) trader: TraderId,
    pub(super) name: String,
    pub(super) user_id: Option<UserId>,
    pub(super) fly_app_id: Option<FlyAppId>,
    pub(super) module_sha256: Digest,
    /// Compact JSON with sorted keys, as its hash is made of.
    pub(super) params: String,
    pub(super) begin: Beginning,
}

/// Where a trader begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Beginning {
    /// Where the one stood that it replaces.
    Replacing,
    /// Judged up to this close time.
    At { judged_ms: i64 },
    /// As `At`, and it goes on where the host last stopped.
    Resume { judged_ms: i64, told: Vec<Told> },
}

/// The last live signal of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    pub(super) symbol: String,
    pub(super) interval: String,
    pub(super) tag: String,
    pub(super) open_time_ms: i64,
}

/// What became of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Done {
    /// No trader was called for it.
    TakenIn,
    /// What was found was kept.
    Kept,
    /// Nothing of it was kept, and it was undone.
    Undone,
}

/// A segment, and what came of it. Its candles are the next `rows` rows, its signals the next `signals` lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub(super) done: Done,
    pub(super) rows: usize,
    /// Of the bytes of the rows.
    pub(super) blake3: String,
    /// It is the segment before once more, and its rows are not written again.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) again: bool,
    pub(super) signals: usize,
    #[serde(default, skip_serializing_if = "is_live")]
    pub(super) telling: Manner,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lagging: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) named: Vec<(u32, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) joined: Vec<(u32, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) gone: Vec<u32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) filled: Vec<(String, u32)>,
    /// Traders that were cut off for their CPU time, and where.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) cut_off: Vec<(TraderId, Vec<Cut>)>,
    /// Traders with which the host itself failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) host_failed: Vec<TraderId>,
}

/// [`Telling`] in words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Manner {
    #[default]
    Live,
    Late,
    History,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
fn is_false(flag: &bool) -> bool {
    !flag
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
fn is_live(manner: &Manner) -> bool {
    *manner == Manner::Live
}

impl From<Telling> for Manner {
    fn from(telling: Telling) -> Self {
        match telling {
            Telling::Live => Self::Live,
            Telling::Late => Self::Late,
            Telling::History => Self::History,
        }
    }
}

impl From<Manner> for Telling {
    fn from(manner: Manner) -> Self {
        match manner {
            Manner::Live => Self::Live,
            Manner::Late => Self::Late,
            Manner::History => Self::History,
        }
    }
}

impl Delivery {
    /// Of a segment that nothing came of yet.
    pub(super) fn of(segment: &Segment, done: Done) -> Self {
        let names = |of: &[(SymbolId, String)]| of.iter().map(|(symbol, name)| (symbol.0, name.clone())).collect();
        Self {
            done,
            rows: segment.candles(),
            blake3: String::new(),
            again: false,
            signals: 0,
            telling: segment.telling().into(),
            lagging: segment.lagging().iter().map(|symbol| symbol.0).collect(),
            named: names(segment.named()),
            joined: names(segment.joined()),
            gone: segment.gone().iter().map(|symbol| symbol.0).collect(),
            filled: segment.filled().iter().map(|(interval, candles)| (interval.to_string(), *candles)).collect(),
            cut_off: Vec::new(),
            host_failed: Vec::new(),
        }
    }
}

/// What stands around a signal in its line: the JSON between them is that of the host, byte for byte.
const SIGNAL: (&str, &str) = ("{\"event\":\"signal\",\"signal\":", "}\n");

/// Adds the line of a signal.
pub(super) fn write_signal(json: &[u8], lines: &mut Vec<u8>) {
    lines.extend_from_slice(SIGNAL.0.as_bytes());
    lines.extend_from_slice(json);
    lines.extend_from_slice(SIGNAL.1.as_bytes());
}

/// The JSON of a signal in its line.
pub(super) fn signal_of(line: &str) -> Option<&str> {
    line.strip_prefix(SIGNAL.0)?.strip_suffix(SIGNAL.1.trim_end())
}

/// The names of symbols by id, as segments tell them.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<SymbolId, String>);

impl Names {
    /// The symbols of the beginning.
    pub(super) fn offer(&mut self, names: &[String]) {
        self.0 = (0..).map(SymbolId).zip(names.iter().cloned()).collect();
    }

    pub(super) fn learn(&mut self, names: &[(u32, String)]) {
        self.0.extend(names.iter().map(|(symbol, name)| (SymbolId(*symbol), name.clone())));
    }

    pub(super) fn name(&self, symbol: SymbolId) -> Option<&str> {
        self.0.get(&symbol).map(String::as_str)
    }
}

/// Adds the rows of a segment, in the order of delivery. The symbol that has no name, if there is one.
pub(super) fn write_rows(segment: &Segment, names: &Names, rows: &mut String) -> Result<(), SymbolId> {
    for close in segment.closes() {
        let mut gaps = close.gaps().iter().peekable();
        for batch in close.batches() {
            for ((symbol, values, missing), backfilled) in batch.rows().zip(batch.backfilled) {
                let is_before = |gap: &&crate::market::Gap| gap.symbol == symbol && gap.interval == batch.interval;
                let gap_from = gaps.next_if(is_before).map(|gap| gap.from_open_ms);
                let named = (symbol, names.name(symbol).ok_or(symbol)?);
                write_row(&batch, named, values, (missing, *backfilled, gap_from), rows);
            }
        }
    }
    Ok(())
}

fn write_row(
    batch: &BatchRef<'_>,
    (symbol, name): (SymbolId, &str),
    values: &[f64],
    (missing, backfilled, gap_from): (u32, bool, Option<i64>),
    rows: &mut String,
) {
    // Writing to a string cannot fail.
    let _ = write!(rows, "{name},{},{}", batch.interval, batch.open_time_ms);
    let value = |column: Column| values.get(column.ordinal()).copied().unwrap_or(f64::NAN);
    for column in [Column::Open, Column::High, Column::Low, Column::Close, Column::Volume] {
        let _ = write!(rows, ",{}", value(column));
    }
    let _ = write!(rows, ",{}", batch.close_time_ms);
    // What is absent is left empty. The shortest text that reads back as the same number is what `Display` makes.
    for value in [Column::QuoteVolume, Column::Trades, Column::TakerVolume].map(value) {
        let _ = if value.is_nan() { write!(rows, ",") } else { write!(rows, ",{value}") };
    }
    let _ = write!(rows, ",{missing},{},", u8::from(backfilled));
    if let Some(gap_from) = gap_from {
        let _ = write!(rows, "{gap_from}");
    }
    let _ = writeln!(rows, ",{}", symbol.0);
}
