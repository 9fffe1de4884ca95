//! Turns the flat batches of the ABI into one candle of one symbol at a time.

use crate::candle::VALUES_PER_CANDLE;
use crate::context::Names;
use crate::{Candle, Context, Gap, Interval, Params, Subscription, Trader, Value};

/// Symbol ids at or above this are not tables of states but a mistake.
const MAX_SYMBOL_ID: u32 = 1 << 20;

/// A trader with the states of its symbols.
pub(crate) struct Runtime<T: Trader> {
    params: T::Params,
    names: Names,
    only: Vec<String>,
    states: Vec<Option<T>>,
    plot_width: usize,
}

impl<T: Trader> Runtime<T> {
    /// Reads the parameters and makes the states of the symbols on offer.
    pub(crate) fn init(
        values: Vec<(String, Value)>,
        symbols: Vec<(u32, String)>,
    ) -> Result<(Self, Subscription), String> {
        let params: T::Params = T::Params::read(values).map_err(|error| error.to_string())?;
        T::check(&params)?;
        let subscription = T::subscription(&params);
        let mut runtime = Self {
            params,
            names: Names {
                symbols: Vec::new(),
                intervals: subscription.needs.iter().map(|need| need.interval).collect(),
            },
            only: subscription.symbols.clone(),
            states: Vec::new(),
            plot_width: T::PLOTS.iter().map(|plot| plot.lines as usize).sum(),
        };
        runtime.on_symbols(symbols, &[]);
        Ok((runtime, subscription))
    }

    pub(crate) fn on_symbols(&mut self, added: Vec<(u32, String)>, gone: &[u32]) {
        for (id, name) in added {
            assert!(id < MAX_SYMBOL_ID, "symbol id {id} is above {MAX_SYMBOL_ID}");
            let at = id as usize;
            if self.states.len() <= at {
                self.states.resize_with(at + 1, || None);
                self.names.symbols.resize_with(at + 1, || None);
            }
            if self.only.is_empty() || self.only.contains(&name) {
                self.states[at] = Some(T::new(&self.params, &name));
            }
            self.names.symbols[at] = Some(name);
        }
        for id in gone {
            if let Some(state) = self.states.get_mut(*id as usize) {
                *state = None;
            }
        }
    }

    #[inline]
    pub(crate) fn on_close(&mut self, interval: u32, open_time_ms: i64, symbols: &[u32], candles: &[f64]) -> Vec<f64> {
        let length = self.interval(interval);
        let mut plotted = vec![f64::NAN; symbols.len() * self.plot_width];
        let (rows, _) = candles.as_chunks::<VALUES_PER_CANDLE>();
        for (index, (&symbol, values)) in symbols.iter().zip(rows).enumerate() {
            let Some(Some(state)) = self.states.get_mut(symbol as usize) else {
                continue;
            };
            let candle = Candle::unpack(length, open_time_ms, values);
            let from = index * self.plot_width;
            let mut cx = Context {
                index: index as u32,
                symbol,
                interval,
                tags: T::TAGS,
                plots: T::PLOTS,
                plotted: &mut plotted[from..from + self.plot_width],
                names: &self.names,
            };
            state.on_close(&candle, &mut cx);
        }
        plotted
    }

    pub(crate) fn on_gap(&mut self, symbol: u32, interval: u32, from_ms: i64, until_ms: i64) {
        let interval = self.interval(interval);
        if let Some(Some(state)) = self.states.get_mut(symbol as usize) {
            state.on_gap(&Gap { interval, from_ms, until_ms });
        }
    }

    fn interval(&self, id: u32) -> Interval {
        match self.names.intervals.get(id as usize) {
            Some(interval) => *interval,
            None => panic!("interval {id} is not in the subscription"),
        }
    }
}
