//! One closed candle.

use super::interval::Interval;

/// How many values a candle has in a batch, in the order of [`Column::ALL`].
pub const VALUES_PER_CANDLE: usize = 8;

/// The values of one candle, in the order of [`Column::ALL`].
pub type Values = [f64; VALUES_PER_CANDLE];

/// A value of a candle, in the order of the ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Column {
    /// First price.
    Open,
    /// Highest price.
    High,
    /// Lowest price.
    Low,
    /// Last price.
    Close,
    /// Traded amount, in the base asset.
    Volume,
    /// Traded amount, in the quote asset; may be absent.
    QuoteVolume,
    /// Part of `Volume` that takers bought; may be absent.
    TakerVolume,
    /// Number of trades; may be absent.
    Trades,
}

impl Column {
    /// Every column, in the order of the ABI.
    pub const ALL: [Self; VALUES_PER_CANDLE] = [
        Self::Open,
        Self::High,
        Self::Low,
        Self::Close,
        Self::Volume,
        Self::QuoteVolume,
        Self::TakerVolume,
        Self::Trades,
    ];

    /// Its place in [`Column::ALL`].
    pub const fn ordinal(self) -> usize {
        self as usize
    }

    /// Its name in candle files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::QuoteVolume => "quote_volume",
            Self::TakerVolume => "taker_volume",
            Self::Trades => "trades",
        }
    }
}

/// A closed candle. `NaN` means absent and stands only in the last three.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)] // the columns are described once, at `Column`
pub struct Candle {
    pub open_time_ms: i64,
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
    pub quote_volume: f64,
    pub taker_volume: f64,
    pub trades: f64,
}

/// Why a candle must not reach a trader.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum CandleFault {
    /// A price that is zero, negative or not finite.
    #[error("{} {value} is not a positive price", .column.as_str())]
    Price {
        /// Which one.
        column: Column,
        /// Its value.
        value: f64,
    },
    /// An amount that is negative or not finite, or absent where it must not be.
    #[error("{} {value} is not an amount (zero or more)", .column.as_str())]
    Amount {
        /// Which one.
        column: Column,
        /// Its value.
        value: f64,
    },
    /// The high is below another price.
    #[error("high {high} is below the {} {value}", .column.as_str())]
    High {
        /// The high.
        high: f64,
        /// The price above it.
        column: Column,
        /// Its value.
        value: f64,
    },
    /// The low is above another price.
    #[error("low {low} is above the {} {value}", .column.as_str())]
    Low {
        /// The low.
        low: f64,
        /// The price below it.
        column: Column,
        /// Its value.
        value: f64,
    },
    /// The open time is not one of the interval.
    #[error("no {interval} candle opens at {open_time_ms} (the one around it opens at {expected_ms})")]
    Misaligned {
        /// The interval.
        interval: Interval,
        /// The open time.
        open_time_ms: i64,
        /// The open time of the candle around it.
        expected_ms: i64,
    },
}

impl Candle {
    /// From the values of a batch.
    pub const fn from_values(open_time_ms: i64, values: Values) -> Self {
        let [open, high, low, close, volume, quote_volume, taker_volume, trades] = values;
        Self { open_time_ms, open, high, low, close, volume, quote_volume, taker_volume, trades }
    }

    /// The values of a batch.
    pub const fn values(&self) -> Values {
        [self.open, self.high, self.low, self.close, self.volume, self.quote_volume, self.taker_volume, self.trades]
    }

    /// Whether a trader may see it.
    pub fn check(&self, interval: Interval) -> Result<(), CandleFault> {
        if !interval.may_open_at(self.open_time_ms) {
            let expected_ms = interval.open_of(self.open_time_ms);
            return Err(CandleFault::Misaligned { interval, open_time_ms: self.open_time_ms, expected_ms });
        }
        check_values(&self.values())
    }
}

/// What [`Candle::check`] says of everything but the time.
pub(super) fn check_values(values: &Values) -> Result<(), CandleFault> {
    let [open, high, low, close, volume, quote_volume, taker_volume, trades] = *values;
    // Every comparison is false for NaN, so what is neither finite nor in order ends in the search for the reason.
    let prices = low > 0.0 && low <= open && low <= close && open <= high && close <= high && high < f64::INFINITY;
    let amount = |value: f64| (0.0..f64::INFINITY).contains(&value);
    let optional = |value: f64| amount(value) || value.is_nan();
    if prices && amount(volume) && optional(quote_volume) && optional(taker_volume) && optional(trades) {
        return Ok(());
    }
    Err(fault(values))
}

/// Why; apart, so that the common way stays short.
#[cold]
fn fault(values: &Values) -> CandleFault {
    let [open, high, low, close, volume, ..] = *values;
    for (column, value) in Column::ALL.into_iter().zip(*values) {
        let is_price = column <= Column::Close;
        if is_price && !(value > 0.0 && value < f64::INFINITY) {
            return CandleFault::Price { column, value };
        }
        let may_be_absent = column > Column::Volume && value.is_nan();
        if !is_price && !may_be_absent && !(0.0..f64::INFINITY).contains(&value) {
            return CandleFault::Amount { column, value };
        }
    }
    for (column, value) in [(Column::Open, open), (Column::Close, close), (Column::Low, low)] {
        if value > high {
            return CandleFault::High { high, column, value };
        }
    }
    for (column, value) in [(Column::Open, open), (Column::Close, close)] {
        if value < low {
            return CandleFault::Low { low, column, value };
        }
    }
    CandleFault::Amount { column: Column::Volume, value: volume }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Candle = Candle {
        open_time_ms: 60_000,
        open: 2.0,
        high: 3.0,
        low: 1.0,
        close: 2.5,
        volume: 0.0,
        quote_volume: f64::NAN,
        taker_volume: f64::NAN,
        trades: f64::NAN,
    };

    fn fault_of(change: impl FnOnce(&mut Candle)) -> String {
        let mut candle = GOOD;
        change(&mut candle);
        candle.check(Interval::M1).unwrap_err().to_string()
    }

    #[test]
    fn good_candles_pass() {
        assert_eq!(GOOD.check(Interval::M1), Ok(()));
        assert_eq!(Candle { open_time_ms: 0, high: 2.5, ..GOOD }.check(Interval::D1), Ok(()));
        assert_eq!(Candle::from_values(60_000, GOOD.values()).close, GOOD.close);
    }

    #[test]
    fn each_fault_is_named() {
        assert_eq!(fault_of(|c| c.open = f64::NAN), "open NaN is not a positive price");
        assert_eq!(fault_of(|c| c.low = 0.0), "low 0 is not a positive price");
        assert_eq!(fault_of(|c| c.high = f64::INFINITY), "high inf is not a positive price");
        assert_eq!(fault_of(|c| c.close = -1.0), "close -1 is not a positive price");
        assert_eq!(fault_of(|c| c.high = 2.2), "high 2.2 is below the close 2.5");
        assert_eq!(fault_of(|c| c.high = 0.5), "high 0.5 is below the open 2");
        assert_eq!(fault_of(|c| c.low = 2.2), "low 2.2 is above the open 2");
        assert_eq!(fault_of(|c| c.volume = f64::NAN), "volume NaN is not an amount (zero or more)");
        assert_eq!(fault_of(|c| c.volume = -1.0), "volume -1 is not an amount (zero or more)");
        assert_eq!(fault_of(|c| c.trades = -1.0), "trades -1 is not an amount (zero or more)");
        assert_eq!(fault_of(|c| c.quote_volume = f64::INFINITY), "quote_volume inf is not an amount (zero or more)");
        assert_eq!(
            fault_of(|c| c.open_time_ms = 60_001),
            "no 1m candle opens at 60001 (the one around it opens at 60000)"
        );
    }
}
