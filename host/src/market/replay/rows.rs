//! Rows of fields into candles, whatever container they came in.

use super::candles::Candles;
use super::columns::Columns;
use super::error::{ReplayError, shown};
use super::number::{decimal, integer};
use crate::market::candle::{Candle, CandleFault, Column};
use crate::market::interval::Interval;

/// From here on an open time is in nanoseconds.
const NANOSECONDS_FROM: i64 = 100_000_000_000_000_000;
/// From here on an open time is in microseconds: as milliseconds it would be the year 5138.
const MICROSECONDS_FROM: i64 = 100_000_000_000_000;
/// From here on an open time is in milliseconds: as seconds it would be the year 5138.
const MILLISECONDS_FROM: i64 = 100_000_000_000;
/// From here on an open time is in seconds: as milliseconds it would be in the first days of 1970.
const SECONDS_FROM: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeUnit {
    Seconds,
    Milliseconds,
    Microseconds,
}

impl TimeUnit {
    /// By magnitude; the first row decides for its file.
    fn of(time: i64) -> Option<Self> {
        match time {
            NANOSECONDS_FROM.. => None,
            MICROSECONDS_FROM.. => Some(Self::Microseconds),
            MILLISECONDS_FROM.. => Some(Self::Milliseconds),
            SECONDS_FROM.. => Some(Self::Seconds),
            _ => Some(Self::Milliseconds),
        }
    }

    fn to_ms(self, time: i64) -> Option<i64> {
        match self {
            Self::Seconds if time < MILLISECONDS_FROM => Some(time * 1000),
            Self::Milliseconds if time < MICROSECONDS_FROM => Some(time),
            Self::Microseconds if (MICROSECONDS_FROM..NANOSECONDS_FROM).contains(&time) => Some(time.div_euclid(1000)),
            _ => None,
        }
    }
}

/// A row of any container.
pub(super) trait Fields {
    /// How many fields it has.
    fn count(&self) -> usize;
    /// The bytes of a field; nothing where there is none.
    fn field(&self, place: usize) -> &[u8];
}

/// Reads the rows of one file.
pub(super) struct Rows<'a> {
    file: &'a str,
    interval: Interval,
    columns: Option<Columns>,
    unit: Option<TimeUnit>,
    previous_ms: i64,
    least_step_ms: i64,
    candles: Candles,
}

impl<'a> Rows<'a> {
    pub(super) fn new(file: &'a str, interval: Interval) -> Self {
        Self {
            file,
            interval,
            columns: None,
            unit: None,
            previous_ms: i64::MIN,
            least_step_ms: i64::MAX,
            candles: Candles::default(),
        }
    }

    /// Takes the next row; the first one may be a header.
    pub(super) fn row(&mut self, line: u64, row: &impl Fields) -> Result<(), ReplayError> {
        if self.columns.is_none() && self.learn_columns(line, row)? {
            return Ok(());
        }
        if self.unit.is_none() {
            self.learn_unit(line, row)?;
        }
        let Some(columns) = &self.columns else {
            return Ok(());
        };
        if row.count() != columns.fields {
            return Err(self.wrong_count(line, row.count(), columns.fields));
        }
        let time_field = row.field(columns.open_time);
        let open_ms = match (integer(time_field), self.unit) {
            (Some(time), Some(unit)) => unit.to_ms(time),
            _ => None,
        };
        let Some(open_ms) = open_ms else {
            return Err(self.bad_time(line, time_field));
        };
        let mut values = [f64::NAN; Column::ALL.len()];
        for ((value, place), column) in values.iter_mut().zip(columns.values).zip(Column::ALL) {
            let Some(place) = place else { continue };
            let field = row.field(place);
            match decimal(field) {
                // Adding zero turns a negative zero into a plain one.
                Some(number) if number.is_finite() => *value = number + 0.0,
                _ => return Err(self.bad_number(line, column, field)),
            }
        }
        if let Err(fault) = Candle::from_values(open_ms, values).check(self.interval) {
            return Err(self.bad_candle(line, fault, columns, row));
        }
        if open_ms <= self.previous_ms {
            let (file, previous_ms) = (self.file.to_owned(), self.previous_ms);
            return Err(ReplayError::Order { file, line, open_ms, previous_ms });
        }
        // Only three-day candles, which may open on any day, can rise and still overlap.
        if open_ms < self.previous_ms.saturating_add(self.interval.as_ms()) && self.previous_ms != i64::MIN {
            let problem = "opens before the candle in the row before has closed; remove one of them".to_owned();
            return Err(self.field_error(line, "open_time", time_field, problem));
        }
        self.least_step_ms = self.least_step_ms.min(open_ms.saturating_sub(self.previous_ms));
        self.previous_ms = open_ms;
        self.candles.push(open_ms, values);
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(mut self) -> Result<Candles, ReplayError> {
        if self.candles.open_times.is_empty() {
            let found = if self.columns.is_some() { "only a header" } else { "it is empty" };
            return Err(ReplayError::Empty { file: self.file.to_owned(), found });
        }
        if self.candles.open_times.len() > 10 && self.least_step_ms > self.interval.as_ms() {
            tracing::warn!(
                file = self.file,
                interval = %self.interval,
                least_step_ms = self.least_step_ms,
                "no two candles follow each other; check that the interval of this file is right"
            );
        }
        self.candles.shrink();
        Ok(self.candles)
    }

    /// Finds the columns by the first row; true if it is a header.
    fn learn_columns(&mut self, line: u64, row: &impl Fields) -> Result<bool, ReplayError> {
        let error = |problem| ReplayError::Columns { file: self.file.to_owned(), line, problem };
        // A header begins with a name; numbers may begin with a sign or a point, and an empty field is no name.
        let first = row.field(0).trim_ascii().first();
        let is_header = first.is_some_and(|byte| !byte.is_ascii_digit() && !b"+-.".contains(byte));
        let columns = if is_header {
            Columns::by_name((0..row.count()).map(|place| row.field(place)))
        } else {
            Columns::by_count(row.count())
        };
        self.columns = Some(columns.map_err(error)?);
        Ok(is_header)
    }

    /// Finds the unit of time by the first open time.
    fn learn_unit(&mut self, line: u64, row: &impl Fields) -> Result<(), ReplayError> {
        let Some(columns) = &self.columns else {
            return Ok(());
        };
        let Some(time) = integer(row.field(columns.open_time)) else {
            return Ok(());
        };
        self.unit = TimeUnit::of(time);
        let (Some(unit), Some(close_time)) = (self.unit, columns.close_time) else {
            return Ok(());
        };
        let close_field = row.field(close_time);
        // Only the first row is held against its close time: later ones of real archives are sometimes cut short.
        let length_ms = integer(close_field).and_then(|close| Some(unit.to_ms(close)? - unit.to_ms(time)? + 1));
        let other = length_ms.and_then(|ms| Interval::ALL.into_iter().find(|interval| interval.as_ms() == ms));
        match other {
            Some(other) if other != self.interval => Err(self.field_error(
                line,
                "close_time",
                close_field,
                format!(
                    "this is a {other} candle, but the file is given as {0}; say {other} instead of {0}",
                    self.interval
                ),
            )),
            _ => Ok(()),
        }
    }

    fn field_error(&self, line: u64, column: &'static str, field: &[u8], problem: String) -> ReplayError {
        ReplayError::Field { file: self.file.to_owned(), line, column, value: shown(field), problem }
    }

    #[cold]
    fn wrong_count(&self, line: u64, found: usize, wanted: usize) -> ReplayError {
        let problem = format!("{found} columns where the rows before have {wanted}; complete the row or remove it");
        ReplayError::Columns { file: self.file.to_owned(), line, problem }
    }

    #[cold]
    fn bad_time(&self, line: u64, field: &[u8]) -> ReplayError {
        let problem = match (integer(field), self.unit) {
            (Some(NANOSECONDS_FROM..), _) => "looks like nanoseconds; give milliseconds since 1970",
            (Some(_), Some(_)) => "not in the unit of the rows before; give all times of a file in one unit",
            _ if field.trim_ascii().is_empty() => "empty; give milliseconds since 1970",
            _ => "not a whole number; give milliseconds since 1970, such as 1735689600000",
        };
        self.field_error(line, "open_time", field, problem.to_owned())
    }

    #[cold]
    fn bad_number(&self, line: u64, column: Column, field: &[u8]) -> ReplayError {
        let what = match decimal(field) {
            _ if field.trim_ascii().is_empty() => "empty",
            Some(_) => "not finite",
            None => "not a number",
        };
        let fix = if column > Column::Volume {
            "correct it, or remove the whole column"
        } else {
            "correct or remove the row"
        };
        self.field_error(line, column.as_str(), field, format!("{what}; {fix}"))
    }

    #[cold]
    fn bad_candle(&self, line: u64, fault: CandleFault, columns: &Columns, row: &impl Fields) -> ReplayError {
        let column = match fault {
            CandleFault::Price { column, .. } | CandleFault::Amount { column, .. } => column,
            CandleFault::High { .. } => Column::High,
            CandleFault::Low { .. } => Column::Low,
            CandleFault::Misaligned { .. } => {
                let problem = format!("{fault}; check that the file has {} candles", self.interval);
                return self.field_error(line, "open_time", row.field(columns.open_time), problem);
            }
        };
        let place = columns.values.get(column.ordinal()).copied().flatten();
        let value = place.map(|place| row.field(place)).unwrap_or_default();
        self.field_error(line, column.as_str(), value, format!("{fault}; correct or remove the row"))
    }
}
