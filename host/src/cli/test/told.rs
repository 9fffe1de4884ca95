//! What is done with the signals of a replay: they are written as they come, and kept for what is said at the end.

use std::io::{self, Write};

use super::golden::Entry;
use crate::market::Symbols;
use crate::report::forward::Fired;
use crate::sandbox::{Manifest, Plot};
use crate::signal::{Burst, Sink, StampedSignal};

/// Keeps of signals what is needed at the end.
pub(super) struct Told {
    symbols: Symbols,
    out: Option<Box<dyn Sink>>,
    pub(super) fired: Vec<Fired>,
    /// The lines of a golden file, where one is asked for.
    pub(super) golden: Option<Vec<Entry>>,
}

impl Told {
    pub(super) fn new(symbols: &Symbols, out: Option<Box<dyn Sink>>, is_golden: bool) -> Self {
        Self { symbols: symbols.clone(), out, fired: Vec::new(), golden: is_golden.then(Vec::new) }
    }
}

impl Sink for Told {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        self.fired.extend(burst.signals.iter().filter_map(|signal| fired(&self.symbols, signal)));
        if let Some(golden) = &mut self.golden {
            golden.extend(burst.signals.iter().map(Entry::of));
        }
        match &mut self.out {
            Some(out) => out.accept(burst),
            None => Ok(()),
        }
    }
}

/// Where a signal was given.
pub(super) fn fired(symbols: &Symbols, signal: &StampedSignal) -> Option<Fired> {
    Some(Fired {
        symbol: symbols.id(signal.symbol())?,
        interval: signal.interval().parse().ok()?,
        open_time_ms: signal.open_time().as_millisecond(),
        tag: signal.tag().to_owned(),
    })
}

/// Writes signals as rows of CSV: a column for each line of each plot at the end.
pub(super) struct CsvRows<W: Write + Send> {
    to: csv::Writer<W>,
    plots: Vec<Plot>,
}

impl<W: Write + Send> CsvRows<W> {
    /// Writes the header.
    pub(super) fn new(to: W, manifest: &Manifest) -> io::Result<Self> {
        let mut to = csv::Writer::from_writer(to);
        let plots = manifest.plots.clone();
        let mut header: Vec<String> =
            ["timestamp", "symbol", "interval", "tag", "price", "change_percent", "volume", "warm", "id"]
                .map(str::to_owned)
                .to_vec();
        for plot in &plots {
            let lines = 1..=plot.lines;
            header.extend(
                lines.map(|line| if plot.lines == 1 { plot.id.clone() } else { format!("{}.{line}", plot.id) }),
            );
        }
        to.write_record(&header)?;
        to.flush()?;
        Ok(Self { to, plots })
    }
}

impl<W: Write + Send> Sink for CsvRows<W> {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for signal in burst.signals {
            let mut row = vec![
                signal.timestamp().to_string(),
                signal.symbol().to_owned(),
                signal.interval().to_owned(),
                signal.tag().to_owned(),
                signal.price().to_string(),
                number(signal.change_percent()),
                number(signal.volume()),
                signal.provenance().warm.to_string(),
                signal.id().to_string(),
            ];
            for plot in &self.plots {
                let values = signal.plots().get(&plot.id);
                let line = |at: u32| values.and_then(|values| values.get(at as usize).copied().flatten());
                row.extend((0..plot.lines).map(|at| number(line(at))));
            }
            self.to.write_record(&row)?;
        }
        self.to.flush()
    }
}
