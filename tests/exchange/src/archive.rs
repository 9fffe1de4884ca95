//! The truth, as files that a replay reads.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use vyx_host::market::Interval;

use crate::kline::Kline;

/// Writes candles in the format of data.binance.vision, under its kind of name: `BTCUSDT-1m.csv`.
pub(crate) fn write(dir: &Path, symbol: &str, interval: Interval, candles: &[Kline]) -> Result<PathBuf> {
    let path = dir.join(format!("{symbol}-{interval}.csv"));
    let file = fs::File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    let mut file = std::io::BufWriter::new(file);
    for candle in candles {
        writeln!(file, "{}", candle.line(interval))?;
    }
    file.flush()?;
    Ok(path)
}
