//! Candles, plots and signals as an SVG that needs nothing else: no script, no font, no second file.

use std::fmt::Write as _;

use vyx_sdk::Candle;

use crate::kitchen::{DRAWN, Dish, Plot};

const WIDTH: f64 = 960.0;
/// Room for the numbers on the right, for what the chart is of and for the plots above, and for the times below.
const RIGHT: f64 = 70.0;
const HEAD: f64 = 26.0;
const LEGEND: f64 = 20.0;
const BOTTOM: f64 = 24.0;
const PRICE_HEIGHT: f64 = 300.0;
const PANEL_HEIGHT: f64 = 92.0;
const GAP: f64 = 22.0;
/// Candles that are drawn, and those at the beginning that are not: plots are warm after them.
const SHOWN: usize = 160;
const COLD: usize = 130;
/// Signals of one kind that show enough.
const ENOUGH: usize = 4;

const COLOURS: [&str; 4] = ["#2563a8", "#b7791f", "#7c4d9e", "#4a7a4a"];

const STYLE: &str = "\
text{font:12px ui-sans-serif,system-ui,sans-serif;fill:#444}.n{font-size:11px;fill:#777}.t{font-weight:600;fill:#222}\
.g{stroke:#e6e6e6;fill:none}.w{stroke-width:1;fill:none}.up{fill:#2a9d78;stroke:#2a9d78}.down{fill:#d9534f;stroke:#d9534f}\
.l{fill:none;stroke-width:1.4;stroke-linejoin:round}.bar{fill:#c4cbd4}.m{stroke:#fff;stroke-width:1}";

/// From values to places on the page.
struct Scale {
    top: f64,
    height: f64,
    low: f64,
    high: f64,
}

impl Scale {
    fn over(values: impl Iterator<Item = f64>, top: f64, height: f64) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) =
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let room = ((high - low) * 0.07).max(high.abs() * 1e-9);
        Self { top, height, low: low - room, high: high + room }
    }

    fn y(&self, value: f64) -> f64 {
        self.top + self.height * (self.high - value) / (self.high - self.low)
    }

    /// Round numbers, about `count` of them, and how many decimals they need.
    fn ticks(&self, count: f64) -> (Vec<f64>, usize) {
        let rough = (self.high - self.low) / count;
        let magnitude = 10_f64.powi(rough.log10().floor() as i32);
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * magnitude).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * magnitude);
        let decimals = (-step.log10().floor()).max(0.0) as usize;
        let first = (self.low / step).ceil() as i64;
        let last = (self.high / step).floor() as i64;
        ((first..=last).map(|at| at as f64 * step).collect(), decimals)
    }
}

/// The stretch with the most signals of both kinds, up to as many as can be told apart; the earliest of those.
fn window(dish: &Dish) -> std::ops::Range<usize> {
    let count = |from: &usize| {
        // Not at the very edge, where a signal shows nothing of what came before or after.
        let inner = &dish.candles[from + 12..from + SHOWN - 6];
        let span = inner[0].open_time_ms..=inner[inner.len() - 1].open_time_ms;
        let of = |tag: &String| shown(dish).filter(|(time, of)| span.contains(time) && of == tag).count().min(ENOUGH);
        dish.tags.iter().map(of).sum::<usize>()
    };
    let from = (COLD..=dish.candles.len() - SHOWN).rev().max_by_key(count).unwrap();
    from..from + SHOWN
}

/// Times and tags of the signals of the symbol that is drawn.
fn shown(dish: &Dish) -> impl Iterator<Item = (i64, &str)> {
    dish.signals.iter().filter(|signal| signal.symbol == DRAWN).map(|signal| (signal.open_time_ms, signal.tag.as_str()))
}

fn x(at: usize) -> f64 {
    8.0 + (at as f64 + 0.5) * (WIDTH - RIGHT - 8.0) / SHOWN as f64
}

pub fn svg(dish: &Dish) -> String {
    let range = window(dish);
    let candles = &dish.candles[range.clone()];
    let mut panels: Vec<&str> = Vec::new();
    for plot in &dish.plots {
        if plot.panel != "price" && !panels.contains(&plot.panel.as_str()) {
            panels.push(&plot.panel);
        }
    }
    let has_legend = dish.plots.iter().any(|plot| plot.panel == "price");
    let price_top = if has_legend { HEAD + LEGEND } else { HEAD };
    let height = price_top + PRICE_HEIGHT + panels.len() as f64 * (GAP + PANEL_HEIGHT) + BOTTOM;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\">\n<style>{STYLE}</style>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
    );
    let of = |panel: &'_ str| -> Vec<&Plot> { dish.plots.iter().filter(|plot| plot.panel == panel).collect() };

    let plots = of("price");
    let values = candles.iter().flat_map(|candle| [candle.high, candle.low]);
    let scale = Scale::over(values.chain(drawn(&plots, &range)), price_top, PRICE_HEIGHT);
    grid(&mut out, &scale, 5.0);
    times(&mut out, candles, price_top, height);
    draw_candles(&mut out, candles, &scale);
    lines(&mut out, &plots, &range, &scale, false);
    markers(&mut out, dish, candles, &scale);
    heading(&mut out, dish, &plots);

    for (at, panel) in panels.iter().enumerate() {
        let top = price_top + PRICE_HEIGHT + GAP + at as f64 * (GAP + PANEL_HEIGHT);
        let plots = of(panel);
        let has_bars = *panel == "volume";
        let floor = has_bars.then_some(0.0).into_iter();
        let scale = Scale::over(drawn(&plots, &range).chain(floor), top, PANEL_HEIGHT);
        grid(&mut out, &scale, 3.0);
        lines(&mut out, &plots, &range, &scale, has_bars);
        legend(&mut out, &plots, 8.0, top - 6.0, has_bars);
    }
    out.push_str("</svg>\n");
    out
}

/// Every value of the lines of these plots.
fn drawn<'a>(plots: &'a [&Plot], range: &std::ops::Range<usize>) -> impl Iterator<Item = f64> + 'a {
    let range = range.clone();
    plots.iter().flat_map(|plot| &plot.lines).flat_map(move |line| line[range.clone()].iter().copied())
}

fn grid(out: &mut String, scale: &Scale, count: f64) {
    let (ticks, decimals) = scale.ticks(count);
    let (top, bottom, right) = (scale.top, scale.top + scale.height, WIDTH - RIGHT);
    let _ =
        writeln!(out, "<rect class=\"g\" x=\"8\" y=\"{top}\" width=\"{}\" height=\"{}\"/>", right - 8.0, scale.height);
    for tick in ticks {
        let y = scale.y(tick);
        if y < top + 4.0 || y > bottom - 4.0 {
            continue;
        }
        let _ = writeln!(out, "<path class=\"g\" d=\"M8 {y:.1}H{right}\"/>");
        let _ = writeln!(out, "<text class=\"n\" x=\"{}\" y=\"{:.1}\">{tick:.decimals$}</text>", right + 6.0, y + 4.0);
    }
}

/// Every second hour, and the day where it begins.
fn times(out: &mut String, candles: &[Candle], top: f64, height: f64) {
    for (at, candle) in candles.iter().enumerate() {
        let hours = candle.open_time_ms / 3_600_000;
        if candle.open_time_ms % 3_600_000 != 0 || hours % 2 != 0 {
            continue;
        }
        let time = jiff::Timestamp::from_millisecond(candle.open_time_ms).unwrap();
        let text = time.strftime(if hours % 24 == 0 { "%b %-d" } else { "%H:%M" });
        let x = x(at);
        let _ = writeln!(out, "<path class=\"g\" d=\"M{x:.1} {top}V{}\"/>", height - BOTTOM);
        let _ =
            writeln!(out, "<text class=\"n\" text-anchor=\"middle\" x=\"{x:.1}\" y=\"{}\">{text}</text>", height - 8.0);
    }
}

fn draw_candles(out: &mut String, candles: &[Candle], scale: &Scale) {
    let width = (WIDTH - RIGHT - 8.0) / SHOWN as f64 * 0.66;
    for (class, rises) in [("up", true), ("down", false)] {
        let (mut wicks, mut bodies) = (String::new(), String::new());
        for (at, candle) in candles.iter().enumerate().filter(|(_, candle)| (candle.close >= candle.open) == rises) {
            let x = x(at);
            let (top, bottom) = (scale.y(candle.open.max(candle.close)), scale.y(candle.open.min(candle.close)));
            let _ = write!(wicks, "M{x:.1} {:.1}V{:.1}", scale.y(candle.high), scale.y(candle.low));
            let _ = write!(
                bodies,
                "M{:.1} {top:.1}h{width:.1}v{:.1}h-{width:.1}z",
                x - width / 2.0,
                (bottom - top).max(0.8)
            );
        }
        let _ = writeln!(
            out,
            "<path class=\"w {class}\" d=\"{wicks}\"/>\n<path class=\"{class}\" stroke-width=\"0\" d=\"{bodies}\"/>"
        );
    }
}

fn lines(out: &mut String, plots: &[&Plot], range: &std::ops::Range<usize>, scale: &Scale, has_bars: bool) {
    for (number, line) in plots.iter().flat_map(|plot| &plot.lines).enumerate() {
        let values = line[range.clone()].iter().enumerate();
        let mut path = String::new();
        if has_bars && number == 0 {
            for (at, value) in values.filter(|(_, value)| value.is_finite()) {
                let _ = write!(path, "M{:.1} {:.1}h3.6V{:.1}h-3.6z", x(at) - 1.8, scale.y(*value), scale.y(0.0));
            }
            let _ = writeln!(out, "<path class=\"bar\" d=\"{path}\"/>");
            continue;
        }
        let mut is_hole = true;
        for (at, value) in values {
            if value.is_finite() {
                let _ = write!(path, "{}{:.1} {:.1}", if is_hole { 'M' } else { 'L' }, x(at), scale.y(*value));
            }
            is_hole = !value.is_finite();
        }
        let _ = writeln!(out, "<path class=\"l\" stroke=\"{}\" d=\"{path}\"/>", COLOURS[number % COLOURS.len()]);
    }
}

/// A triangle below the candle for the first tag, above it for the second.
fn markers(out: &mut String, dish: &Dish, candles: &[Candle], scale: &Scale) {
    for (time, tag) in shown(dish) {
        let Some(at) = candles.iter().position(|candle| candle.open_time_ms == time) else { continue };
        let x = x(at);
        let is_first = tag == dish.tags[0];
        let (y, d, class) = if is_first {
            (scale.y(candles[at].low) + 5.0, "l6 11h-12z", "up")
        } else {
            (scale.y(candles[at].high) - 5.0, "l6 -11h-12z", "down")
        };
        let _ = writeln!(out, "<path class=\"{class} m\" d=\"M{x:.1} {y:.1}{d}\"><title>{tag}</title></path>");
    }
}

/// The market, the tags with their markers, and the plots over the candles.
fn heading(out: &mut String, dish: &Dish, plots: &[&Plot]) {
    let _ = writeln!(out, "<text class=\"t\" x=\"8\" y=\"16\">{DRAWN} 5m</text>");
    let mut x = 106.0;
    for (tag, (mark, class)) in dish.tags.iter().zip([("▲", "up"), ("▼", "down")]) {
        let _ = writeln!(
            out,
            "<text x=\"{x}\" y=\"16\"><tspan class=\"{class}\" stroke=\"none\">{mark}</tspan> {tag}</text>"
        );
        x += 26.0 + 7.0 * tag.len() as f64;
    }
    legend(out, plots, 8.0, HEAD + LEGEND - 8.0, false);
}

/// The titles of plots, each in the colours of its lines.
fn legend(out: &mut String, plots: &[&Plot], mut x: f64, y: f64, has_bars: bool) {
    let mut number = 0;
    for plot in plots {
        for line in 0..plot.lines.len() {
            let colour = if has_bars && number == 0 { "#c4cbd4" } else { COLOURS[number % COLOURS.len()] };
            let left = x + 16.0 * line as f64;
            let _ = writeln!(out, "<path stroke=\"{colour}\" stroke-width=\"3\" d=\"M{left} {}h12\"/>", y - 4.0);
            number += 1;
        }
        x += 16.0 * plot.lines.len() as f64;
        let title = plot.title.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(out, "<text x=\"{}\" y=\"{y}\">{title}</text>", x + 2.0);
        x += 22.0 + 6.5 * plot.title.len() as f64;
    }
}
