//! The table of docs/indicators.md, made from what was measured.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use vyx_sdk::indicators::Pattern;

use crate::golden::differences;
use crate::series::{Expected, Kind, Series, all};

const BEGIN: &str = "<!-- indicators -->\n";
const END: &str = "<!-- /indicators -->\n";

struct Row {
    name: &'static str,
    parameters: &'static str,
    /// With which it was measured.
    measured: &'static str,
    first: &'static str,
    columns: &'static [&'static str],
}

const fn row(
    name: &'static str,
    parameters: &'static str,
    measured: &'static str,
    first: &'static str,
    columns: &'static [&'static str],
) -> Row {
    Row { name, parameters, measured, first, columns }
}

const ROWS: &[Row] = &[
    row("Sma", "period", "20", "period - 1", &["sma_20"]),
    row("Ema", "period", "20", "period - 1", &["ema_20"]),
    row("Wma", "period", "20", "period - 1", &["wma_20", "wma_3"]),
    row("Dema", "period", "20", "2 * (period - 1)", &["dema_20"]),
    row("Tema", "period", "20", "3 * (period - 1)", &["tema_20"]),
    row("Hma", "period", "16", "period + root - 2", &["hma_16", "hma_9"]),
    row("VolumeAverage", "period", "20", "period - 1", &["volume_average_20"]),
    row("StdDev", "period", "20", "period - 1", &["std_dev_20", "std_dev_5"]),
    row(
        "Bollinger",
        "period, factor",
        "20, 2.0",
        "period - 1",
        &["bollinger_upper", "bollinger_middle", "bollinger_lower"],
    ),
    row(
        "Keltner",
        "period, atr_period, factor",
        "20, 10, 2.0",
        "max(period - 1, atr_period)",
        &["keltner_upper", "keltner_middle", "keltner_lower"],
    ),
    row("Donchian", "period", "20", "period - 1", &["donchian_upper", "donchian_middle", "donchian_lower"]),
    row("Highest", "period", "20", "period - 1", &["highest_20"]),
    row("Lowest", "period", "20", "period - 1", &["lowest_20"]),
    row(
        "LinearRegression",
        "period",
        "14",
        "period - 1",
        &[
            "linear_regression_value",
            "linear_regression_slope",
            "linear_regression_intercept",
            "linear_regression_angle",
        ],
    ),
    row("Rsi", "period", "14", "period", &["rsi_14"]),
    row("StochRsi", "rsi, stoch, k, d", "14, 14, 3, 3", "rsi + stoch + k + d - 3", &["stoch_rsi_k", "stoch_rsi_d"]),
    row("Macd", "fast, slow, signal", "12, 26, 9", "slow + signal - 2", &["macd", "macd_signal", "macd_histogram"]),
    row("Stochastic", "period, k, d", "14, 3, 3", "period + k + d - 3", &["stochastic_k", "stochastic_d"]),
    row("Stochastic::fast", "period, d", "14, 3", "period + d - 2", &["stochastic_fast_k", "stochastic_fast_d"]),
    row("WilliamsR", "period", "14", "period - 1", &["williams_r_14"]),
    row("Cci", "period", "20", "period - 1", &["cci_20"]),
    row("Mfi", "period", "14", "period", &["mfi_14"]),
    row("Roc", "period", "10", "period", &["roc_10"]),
    row("Momentum", "period", "10", "period", &["momentum_10"]),
    row("Obv", "", "", "0", &["obv"]),
    row("Vwap", "session", "a UTC day", "0", &["vwap", "vwap_deviation"]),
    row("AnchoredVwap", "", "", "0, and after each anchor", &["anchored_vwap", "anchored_vwap_deviation"]),
    row("TrueRange", "", "", "1", &["true_range"]),
    row("Atr", "period", "14", "period", &["atr_14"]),
    row("Di", "period", "14", "period", &["plus_di_14", "minus_di_14"]),
    row("Adx", "period", "14", "2 * period - 1", &["adx_14"]),
    row("Supertrend", "period, factor", "10, 3.0", "period", &["supertrend", "supertrend_rising"]),
    row("ParabolicSar", "step, maximum", "0.02, 0.2", "1", &["parabolic_sar"]),
    row(
        "Ichimoku",
        "conversion, base, span, displacement",
        "9, 26, 52, 26",
        "span - 1 + displacement",
        &[
            "ichimoku_conversion",
            "ichimoku_base",
            "ichimoku_span_a",
            "ichimoku_span_b",
            "ichimoku_future_a",
            "ichimoku_future_b",
            "ichimoku_past_close",
        ],
    ),
    row(
        "PivotPoints",
        "session",
        "a UTC day",
        "the first after a whole session",
        &[
            "pivot_points_pivot",
            "pivot_points_r1",
            "pivot_points_s1",
            "pivot_points_r2",
            "pivot_points_s2",
            "pivot_points_r3",
            "pivot_points_s3",
        ],
    ),
    row("SwingHigh", "left, right", "3, 2", "left + right, at the earliest", &["swing_high"]),
    row("SwingLow", "left, right", "3, 2", "left + right, at the earliest", &["swing_low"]),
    row(
        "RsiDivergence",
        "period, left, right",
        "14, 5, 5",
        "period + left + right, at the earliest",
        &["rsi_divergence"],
    ),
];

/// One digit of it, rounded up: it is a bound.
fn bound(difference: f64) -> String {
    if difference == 0.0 {
        return "0".to_owned();
    }
    let mut exponent = -20;
    while 10f64.powi(exponent + 1) <= difference {
        exponent += 1;
    }
    match (difference / 10f64.powi(exponent)).ceil() as u32 {
        10 => format!("1e{}", exponent + 1),
        digit => format!("{digit}e{exponent}"),
    }
}

fn oracles(expected: &[&Expected]) -> String {
    let mut names: Vec<String> = Vec::new();
    for expected in expected {
        let star = if expected.plain_on.is_empty() { "" } else { " *" };
        let name = match expected.oracle {
            "plain" => "none".to_owned(),
            name => format!("`{name}`{star}"),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(", ")
}

fn line(name: &str, parameters: &str, first: &str, oracles: &str, difference: &str) -> String {
    format!("| `{name}` | {parameters} | {first} | {oracles} | {difference} |\n")
}

fn table(series: &[Series]) -> String {
    let real = &series[0];
    let mut table = "| Name | Parameters (as measured) | First valid candle | TA-Lib | Largest difference |\n\
                     |---|---|---|---|---|\n"
        .to_owned();
    for row in ROWS {
        let expected: Vec<&Expected> = row.columns.iter().map(|column| &real.expected[column]).collect();
        let parameters = if row.parameters.is_empty() {
            "none".to_owned()
        } else {
            format!("{} ({})", row.parameters, row.measured)
        };
        let index = expected[0].first;
        let formula = row.first.contains("- 1") || row.first.contains("period") || row.first.contains(" + ");
        let first = if expected[0].kind == Kind::Whole || !formula {
            row.first.to_owned()
        } else {
            format!("`{}`: {index}", row.first)
        };
        let largest = row.columns.iter().map(|column| differences()[column]).fold(0.0, f64::max);
        table += &line(row.name, &parameters, &first, &oracles(&expected), &bound(largest));
    }
    for pattern in Pattern::ALL {
        let warm_up = vyx_sdk::indicators::CandlePattern::new(pattern).warm_up();
        let column = pattern.talib_name();
        let name = format!("CandlePattern, Pattern::{pattern:?}");
        let difference = bound(differences()[column]);
        table += &line(&name, "none", &warm_up.to_string(), &oracles(&[&real.expected[column]]), &difference);
    }
    let real_candles = real.candles.len();
    let others: usize = series[1..].iter().map(|series| series.candles.len()).sum();
    table += &format!(
        "\nMeasured on {real_candles} real candles in one run, and on {others} of {} series that break things: {}.\n",
        series.len() - 1,
        series[1..].iter().map(|series| series.name.replace('_', " ")).collect::<Vec<_>>().join(", ")
    );
    table
}

#[test]
fn the_table_of_the_documentation_is_what_was_measured() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/indicators.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the document has a place for the table");
    let (_, after) = rest.split_once(END).expect("the place for the table has an end");
    let made = format!("{before}{BEGIN}{}{END}{after}", table(&all()));
    if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
        fs::write(&path, made).unwrap();
        return;
    }
    let update = "UPDATE_DOCS=1 cargo test -p vyx-sdk --test indicators";
    assert!(text == made, "docs/indicators.md is out of date, run: {update}");
}

#[test]
fn every_column_is_in_the_table() {
    let patterns = Pattern::ALL.iter().map(|pattern| pattern.talib_name());
    let rows = ROWS.iter().flat_map(|row| row.columns.iter().copied());
    let in_table: BTreeSet<&str> = rows.chain(patterns).collect();
    let measured: BTreeSet<&str> = differences().keys().copied().collect();
    assert_eq!(in_table, measured);
}

#[test]
fn bounds_are_rounded_up() {
    let found = [0.0, 1e-10, 1.1e-10, 9.5e-16, 3e-12].map(bound);
    assert_eq!(found, ["0", "1e-10", "2e-10", "1e-15", "3e-12"]);
}
