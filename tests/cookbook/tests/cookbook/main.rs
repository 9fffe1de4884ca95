//! The cookbook: each of its traders natively and as a component, on the same candles, and the page that shows them.
//!
//! After a change: `UPDATE_DOCS=1 cargo xtask test cookbook`, and look at the charts.

mod chart;
mod kitchen;
mod market;
mod page;

#[path = "../../examples/bollinger_squeeze.rs"]
mod bollinger_squeeze;
#[path = "../../examples/donchian_breakout.rs"]
mod donchian_breakout;
#[path = "../../examples/ema_cross.rs"]
mod ema_cross;
#[path = "../../examples/engulfing_at_keltner.rs"]
mod engulfing_at_keltner;
#[path = "../../examples/macd_with_trend.rs"]
mod macd_with_trend;
#[path = "../../examples/relative_strength.rs"]
mod relative_strength;
#[path = "../../examples/rsi_divergence.rs"]
mod rsi_divergence;
#[path = "../../examples/supertrend_flip.rs"]
mod supertrend_flip;
#[path = "../../examples/volume_spike_obv.rs"]
mod volume_spike_obv;
#[path = "../../examples/vwap_reversion.rs"]
mod vwap_reversion;

use kitchen::{Dish, Kitchen, cook};

/// Runs a trader of the book.
type Recipe = fn(&Kitchen, &str) -> Dish;

/// In the order of the page: what is simple comes first.
const RECIPES: [(&str, Recipe); 10] = [
    ("ema_cross", cook::<ema_cross::EmaCross>),
    ("donchian_breakout", cook::<donchian_breakout::Breakout>),
    ("supertrend_flip", cook::<supertrend_flip::Flip>),
    ("bollinger_squeeze", cook::<bollinger_squeeze::Squeeze>),
    ("vwap_reversion", cook::<vwap_reversion::Reversion>),
    ("volume_spike_obv", cook::<volume_spike_obv::SpikeWithObv>),
    ("rsi_divergence", cook::<rsi_divergence::Tired>),
    ("engulfing_at_keltner", cook::<engulfing_at_keltner::EngulfingAtBand>),
    ("macd_with_trend", cook::<macd_with_trend::MacdWithTrend>),
    ("relative_strength", cook::<relative_strength::RelativeStrength>),
];

/// No chart is larger, so that the page opens at once.
const CHART_BYTES: usize = 60_000;

#[test]
fn cookbook_and_charts_show_what_the_traders_say() {
    let kitchen = Kitchen::new();
    let mut sections = Vec::new();
    for (name, cook) in RECIPES {
        let dish = cook(&kitchen, name);
        assert!(dish.signals.len() >= 3, "{name} says too little to show anything: {} signals", dish.signals.len());
        let svg = chart::svg(&dish);
        assert!(svg.len() < CHART_BYTES, "the chart of {name} has {} bytes", svg.len());
        page::hold(&format!("docs/cookbook/{name}.svg"), &svg);
        sections.push(page::section(name, &dish));
    }
    page::hold("docs/cookbook.md", &page::whole(&sections));
}

#[test]
fn cookbook_has_every_example_and_no_other() {
    let mut files: Vec<String> = std::fs::read_dir(page::root().join("tests/cookbook/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    files.sort();
    let mut names = RECIPES.map(|(name, _)| name.to_owned()).to_vec();
    names.sort();
    assert_eq!(files, names);
}
