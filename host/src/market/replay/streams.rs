//! Files that hold candles of many streams, as `vyx record` writes them: each row names its symbol and its interval.

use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

use super::candles::Candles;
use super::columns::Columns;
use super::error::{ReplayError, shown, shown_path};
use super::load::open;
use super::number::{decimal, integer};
use super::rows::Fields as _;
use super::source::CandleSource;
use crate::market::candle::{Candle, Column, Values};
use crate::market::interval::Interval;
use crate::market::symbol::Symbols;

/// How such a file begins.
const HEAD: &[u8] = b"symbol,interval,";
/// How the files of a recording are called.
const RECORDED: (&str, &str) = ("candles-", ".csv");
/// No row is longer.
const TAIL_BYTES: i64 = 64 * 1024;

/// Candles that somebody names: a file of one stream, a file of many, or the folder of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandleInput {
    /// Of one stream.
    File(CandleSource),
    /// Of many streams: a file, or the folder of a recording.
    Streams(PathBuf),
}

impl From<CandleSource> for CandleInput {
    fn from(source: CandleSource) -> Self {
        Self::File(source)
    }
}

impl CandleInput {
    /// A file or a folder, whose name or first bytes tell what it holds.
    pub fn from_path(path: &Path) -> Result<Self, ReplayError> {
        if holds_streams(path) {
            Ok(Self::Streams(path.to_owned()))
        } else {
            CandleSource::from_path(path).map(Self::File)
        }
    }
}

impl FromStr for CandleInput {
    type Err = ReplayError;

    fn from_str(text: &str) -> Result<Self, ReplayError> {
        if holds_streams(Path::new(text)) { Ok(Self::Streams(text.into())) } else { text.parse().map(Self::File) }
    }
}

fn holds_streams(path: &Path) -> bool {
    if path.is_dir() {
        return recorded_in(path).is_ok_and(|files| !files.is_empty());
    }
    let mut head = Vec::new();
    let read = open(path, "").map(|file| file.take(HEAD.len() as u64).read_to_end(&mut head));
    matches!(read, Ok(Ok(_))) && head.eq_ignore_ascii_case(HEAD)
}

/// The files of candles of a recording.
fn recorded_in(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in Dir::open_ambient_dir(path, ambient_authority())?.entries()? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with(RECORDED.0) && name.ends_with(RECORDED.1) {
            files.push(path.join(name));
        }
    }
    files.sort();
    Ok(files)
}

/// A candle, and where it stands.
struct Row {
    open_ms: i64,
    values: Values,
    missing: u32,
    /// Index of the file, and line.
    place: (usize, u64),
}

/// Reads all candles of these inputs, stream by stream. A host that started again told some of them twice; they must be the same.
pub(super) fn load_streams(inputs: &[PathBuf]) -> Result<Vec<(CandleSource, Candles)>, ReplayError> {
    let mut files = Vec::new();
    for path in inputs {
        if path.is_dir() {
            let cannot = |source| ReplayError::Read { file: shown_path(path), source };
            files.extend(recorded_in(path).map_err(cannot)?);
        } else {
            files.push(path.clone());
        }
    }
    let mut streams: BTreeMap<(String, Interval), Vec<Row>> = BTreeMap::new();
    for (index, path) in files.iter().enumerate() {
        load_file(path, index, &mut streams)?;
    }
    let name = |index: usize| files.get(index).map(|path| shown_path(path)).unwrap_or_default();
    let mut loaded = Vec::new();
    for ((symbol, interval), mut rows) in streams {
        rows.sort_by_key(|row| row.open_ms);
        let mut candles = Candles::default();
        let mut last: Option<&Row> = None;
        for row in &rows {
            if let Some(last) = last.filter(|last| last.open_ms == row.open_ms) {
                if last.values.map(f64::to_bits) != row.values.map(f64::to_bits) {
                    let (file, line) = row.place;
                    let problem = format!(
                        "the {interval} candle of {symbol} that opens at {} is another one in {}, line {}; remove one of them",
                        row.open_ms,
                        name(last.place.0),
                        last.place.1
                    );
                    return Err(ReplayError::Columns { file: name(file), line, problem });
                }
                continue;
            }
            candles.push(row.open_ms, row.values);
            candles.missing.push(row.missing);
            last = Some(row);
        }
        if candles.missing.iter().all(|missing| *missing == 0) {
            candles.missing = Vec::new();
        }
        candles.shrink();
        let path = rows.first().and_then(|row| files.get(row.place.0)).cloned().unwrap_or_default();
        loaded.push((CandleSource { symbol, interval, path }, candles));
    }
    if loaded.is_empty() {
        let file = inputs.first().map(|path| shown_path(path)).unwrap_or_default();
        return Err(ReplayError::Empty { file, found: "only headers" });
    }
    Ok(loaded)
}

fn load_file(
    path: &Path,
    index: usize,
    streams: &mut BTreeMap<(String, Interval), Vec<Row>>,
) -> Result<(), ReplayError> {
    let file = shown_path(path);
    let read_error = |source| ReplayError::Read { file: file.clone(), source };
    let input = whole_lines(open(path, &file)?, &file).map_err(read_error)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .from_reader(input);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<(Columns, Option<usize>)> = None;
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|error| read_error(error.into()))?;
        if !more {
            return Ok(());
        }
        let line = reader.position().line() - 1;
        let wrong = |problem| ReplayError::Columns { file: file.clone(), line, problem };
        let Some((columns, missing)) = &columns else {
            let header = (0..record.len()).map(|place| record.field(place));
            let missing = header.clone().position(|name| name == b"missing");
            columns = Some((Columns::by_name(header).map_err(wrong)?, missing));
            continue;
        };
        if record.len() != columns.fields {
            let problem = format!("{} columns where the header has {}; complete the row", record.len(), columns.fields);
            return Err(wrong(problem));
        }
        let field = |column: &'static str, place: usize, problem: String| {
            let value = shown(record.field(place));
            ReplayError::Field { file: file.clone(), line, column, value, problem }
        };
        let text = |place| String::from_utf8_lossy(record.field(place)).into_owned();
        let symbol = Symbols::valid_name(&text(0)).map_err(|error| field("symbol", 0, error.to_string()))?;
        let interval: Interval = text(1).parse().map_err(|error| field("interval", 1, format!("{error}")))?;
        let open_ms = integer(record.field(columns.open_time))
            .ok_or_else(|| field("open_time", columns.open_time, "not milliseconds since 1970".to_owned()))?;
        let mut values = [f64::NAN; Column::ALL.len()];
        for ((value, place), column) in values.iter_mut().zip(columns.values).zip(Column::ALL) {
            let Some(place) = place else { continue };
            let bytes = record.field(place);
            if bytes.is_empty() && column > Column::Volume {
                continue;
            }
            let number = decimal(bytes).filter(|number| number.is_finite());
            *value = number.ok_or_else(|| field(column.as_str(), place, "not a number; correct it".to_owned()))?;
        }
        Candle::from_values(open_ms, values)
            .check(interval)
            .map_err(|fault| wrong(format!("{fault}; correct or remove the row")))?;
        let missing = missing.and_then(|place| integer(record.field(place))).unwrap_or(0);
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        let row = Row { open_ms, values, missing, place: (index, line) };
        streams.entry((symbol, interval)).or_default().push(row);
    }
}

/// The lines that end: a host that is killed, or still writes, leaves a torn one.
fn whole_lines(mut file: File, name: &str) -> std::io::Result<impl Read + use<>> {
    let length = file.seek(SeekFrom::End(0))?;
    let tail = length.min(TAIL_BYTES.unsigned_abs());
    file.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.by_ref().take(tail).read_to_end(&mut bytes)?;
    let torn = bytes.iter().rev().take_while(|byte| **byte != b'\n').count() as u64;
    if torn > 0 {
        tracing::warn!(file = name, "the last line is torn, and is left out");
    }
    file.rewind()?;
    Ok(file.take(length - torn))
}
