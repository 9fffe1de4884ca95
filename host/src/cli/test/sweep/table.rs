//! The table of a sweep, for people: as many horizons as the terminal has room for.

use console::{style, truncate_str};

use super::results::{Did, Outcome, Results, SORTED_BY, Set};
use super::swept;
use crate::cli::project::wrapped;
use crate::cli::terminal::{grouped, seconds};
use crate::cli::test::outlook::{share, signed};
use crate::report::forward::HORIZONS;
use crate::text::shown;

/// Those that a narrow terminal shows first.
const PREFERRED: [u32; 4] = [SORTED_BY, 5, 60, 1];
/// Characters of the two columns of a horizon, with the space before each.
const HORIZON_WIDTH: usize = 6 + 9;
/// The widest column of a parameter.
const PARAM_WIDTH: usize = 16;

/// See the module.
pub(super) fn lines(results: &Results<'_>, width: usize, has_colours: bool) -> Vec<String> {
    let columns = Columns::new(results, width);
    let header = columns.header(results);
    let bold = style(header).bold().force_styling(has_colours).to_string();
    let mut lines = vec![truncate_str(bold.trim_end(), width, "…").into_owned()];
    let not_run = results.sets.iter().filter(|set| matches!(set.outcome, Outcome::Waiting)).count();
    for set in results.sets.iter().filter(|set| !matches!(set.outcome, Outcome::Waiting)) {
        lines.push(truncate_str(&columns.row(results, set, has_colours), width, "…").into_owned());
    }
    if not_run > 0 {
        lines.push(format!("not run: {} of {} sets", grouped(not_run as u64), grouped(results.sets.len() as u64)));
    }
    lines.push(String::new());
    lines.extend(wrapped(
        &format!(
            "sorted by the mean return {SORTED_BY} candles after a signal; HIT is how often price was higher so many candles later, \
             MEAN by how much it had moved"
        ),
        width,
        "",
    ));
    let over: Vec<String> = results
        .sets
        .iter()
        .filter_map(|set| Some((set, set.done().filter(|did| !did.costs.over.is_empty())?)))
        .map(|(set, did)| {
            let names = results.axes.iter().map(|axis| axis.name.as_str()).zip(swept(results.axes, &set.params));
            let named: Vec<String> = names.map(|(name, value)| format!("{name}={}", shown(&value, 40))).collect();
            format!("above limit, {}: {}", named.join(" "), did.costs.over.join("; "))
        })
        .collect();
    for text in &over {
        let red = |line: String| style(line).red().force_styling(has_colours).to_string();
        lines.extend(wrapped(text, width, "").into_iter().map(red));
    }
    let speed = results.evaluations() as f64 / results.elapsed.as_secs_f64().max(1e-9);
    let refused = results.sets.iter().filter(|set| matches!(set.outcome, Outcome::Refused(_))).count();
    lines.push(format!(
        "{} sets, {refused} refused, {} evaluations in {}, {}/s",
        results.sets.len(),
        grouped(results.evaluations()),
        seconds(results.elapsed),
        grouped(speed as u64)
    ));
    lines
}

/// What fits.
struct Columns {
    params: Vec<usize>,
    /// Ascending.
    horizons: Vec<u32>,
    has_faults: bool,
}

impl Columns {
    fn new(results: &Results<'_>, width: usize) -> Self {
        let longest = |at: usize, name: &str| {
            let values = results
                .sets
                .iter()
                .map(|set| swept(results.axes, &set.params).get(at).map_or(0, |text| text.chars().count()));
            values.max().unwrap_or(0).max(name.chars().count()).min(PARAM_WIDTH)
        };
        let params: Vec<usize> = results.axes.iter().enumerate().map(|(at, axis)| longest(at, &axis.name)).collect();
        let has_faults = results.sets.iter().filter_map(Set::done).any(|did| did.fault_count > 0);
        let taken = params.iter().map(|param| param + 1).sum::<usize>() + 8 + 8 + 8 + if has_faults { 7 } else { 0 };
        let room = width.saturating_sub(taken) / HORIZON_WIDTH;
        let mut horizons: Vec<u32> =
            PREFERRED.into_iter().filter(|candles| HORIZONS.contains(candles)).take(room.max(1)).collect();
        horizons.sort_unstable();
        Self { params, horizons, has_faults }
    }

    fn params(&self, texts: impl Iterator<Item = String>) -> String {
        let cell = |(text, width): (String, &usize)| {
            let text = shown(&text, 200);
            format!("{:>width$} ", truncate_str(&text, *width, "…"), width = *width)
        };
        texts.zip(&self.params).map(cell).collect()
    }

    fn header(&self, results: &Results<'_>) -> String {
        let mut row = self.params(results.axes.iter().map(|axis| axis.name.to_uppercase()));
        row.push_str(&format!("{:>7}", "SIGNALS"));
        for candles in &self.horizons {
            row.push_str(&format!(" {:>6} {:>8}", format!("HIT{candles}"), format!("MEAN{candles}")));
        }
        row.push_str(&format!(" {:>7} {:>7}", "FUEL", "KIB"));
        if self.has_faults {
            row.push_str(&format!(" {:>6}", "FAULTS"));
        }
        row
    }

    fn row(&self, results: &Results<'_>, set: &Set, has_colours: bool) -> String {
        let mut row = self.params(swept(results.axes, &set.params).into_iter());
        match &set.outcome {
            Outcome::Done(did) => self.done(&mut row, did, has_colours),
            Outcome::Refused(reason) => row.push_str(&format!("refused: {}", shown(reason, 400))),
            Outcome::Waiting => {}
        }
        row
    }

    fn done(&self, row: &mut String, did: &Did, has_colours: bool) {
        let red = |text: String, is_over: bool| {
            if is_over { style(text).red().force_styling(has_colours).to_string() } else { text }
        };
        row.push_str(&format!("{:>7}", grouped(did.signals as u64)));
        for candles in &self.horizons {
            let after = did.after(*candles);
            let mean = after
                .and_then(|after| after.percent.as_ref())
                .map_or_else(|| "-".into(), |percent| signed(percent.mean));
            row.push_str(&format!(" {:>6} {mean:>8}", share(after.and_then(|after| after.hit_rate))));
        }
        let fuel = did.costs.fuel_per_evaluation.map_or_else(|| "-".into(), |fuel| grouped(fuel.round() as u64));
        row.push(' ');
        row.push_str(&red(format!("{fuel:>7}"), did.costs.is_over.time));
        row.push(' ');
        row.push_str(&red(format!("{:>7}", grouped(did.costs.memory_bytes as u64 / 1024)), did.costs.is_over.memory));
        if self.has_faults {
            row.push(' ');
            row.push_str(&red(format!("{:>6}", grouped(did.fault_count)), did.fault_count > 0));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use console::measure_text_width;

    use super::*;
    use crate::cli::test::sweep::results::{sorted, tests::sets};

    #[test]
    fn a_table_fits_the_terminal() {
        let (axes, sets) = sets();
        let results = Results { axes: &axes, sets: sorted(sets), elapsed: Duration::from_millis(1_500) };
        for width in [60, 80, 120] {
            let plain = lines(&results, width, false);
            assert!(plain.iter().all(|line| measure_text_width(line) <= width), "{plain:#?}");
            insta::assert_snapshot!(format!("sweep_{width}"), plain.join("\n"));
            let coloured = lines(&results, width, true);
            assert!(coloured.iter().all(|line| measure_text_width(line) <= width), "{coloured:#?}");
            assert!(coloured.iter().any(|line| line.contains("\u{1b}[31m")));
        }
    }
}
