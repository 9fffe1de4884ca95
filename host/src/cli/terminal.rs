//! What a person sees: signals as they come, words of traders, a line that tells how far it is.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use console::{Term, style, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;

use super::drive::Totals;
use crate::sandbox::{LogLevel, LogLine};
use crate::signal::{Burst, Sink};
pub(super) use crate::text::grouped;
use crate::text::shown;

/// Characters of a row that is not cut: that of a pipe or a file.
const WIDE: usize = 400;

/// The terminal, or the pipe that stands for it.
#[derive(Clone)]
pub(super) struct Terminal {
    bar: ProgressBar,
    is_terminal: bool,
    /// Standard output carries data for a program; people are told on standard error.
    is_data: bool,
    /// The last panic that was told: whose, and its words.
    panic: Arc<Mutex<Option<(String, String)>>>,
}

impl Terminal {
    pub(super) fn new(is_data: bool) -> Self {
        let is_terminal = io::stdout().is_terminal() && io::stderr().is_terminal() && !is_data;
        let bar = ProgressBar::with_draw_target(
            None,
            if is_terminal { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() },
        );
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, is_terminal, is_data, panic: Arc::default() }
    }

    /// A line for people.
    pub(super) fn say(&self, line: &str) {
        if self.is_data {
            tell_line(line);
        } else if self.is_drawn() {
            self.bar.println(line);
        } else {
            print_line(line);
        }
    }

    /// A note beside the data.
    pub(super) fn note(&self, line: &str) {
        if self.is_drawn() { self.bar.println(line) } else { tell_line(line) }
    }

    /// Whether the status line may be in the way. What is printed above it is filled up with spaces, so it is not done without need.
    fn is_drawn(&self) -> bool {
        self.is_terminal && !self.bar.is_finished()
    }

    /// What traders wrote. A panic comes again in every new instance, and each time as a fault: its words are told once.
    pub(super) fn lines(&self, lines: Vec<(String, LogLine)>) {
        for (trader, line) in lines {
            let is_told = line.level == LogLevel::Panic && {
                let mut panic = self.panic.lock().unwrap_or_else(PoisonError::into_inner);
                let words = Some((trader.clone(), line.text.clone()));
                std::mem::replace(&mut *panic, words.clone()) == words
            };
            if line.level != LogLevel::Debug && !is_told {
                self.note(&format!("{:>5} {}: {}", line.level.as_str(), shown(&trader, 80), line.text));
            }
        }
    }

    /// How far it is.
    pub(super) fn status(&self, totals: &Totals) {
        if !self.is_terminal {
            return;
        }
        let time = totals.last_close_ms.map(minute).unwrap_or_default();
        let speed = totals.candles as f64 / totals.elapsed.as_secs_f64().max(1e-9);
        let (candles, signals) = (grouped(totals.candles), grouped(totals.signals));
        self.bar
            .set_message(format!("{time}  {candles} candles  {signals} signals  {} candles/s", grouped(speed as u64)));
        self.bar.tick();
    }

    /// How far it is, of work whose end is known.
    pub(super) fn progress(&self, done: u64, of: u64, message: String) {
        if !self.is_terminal {
            return;
        }
        if self.bar.length() != Some(of)
            && let Ok(style) = ProgressStyle::with_template("{bar:20} {percent:>3} %  {msg}  {eta} left")
        {
            self.bar.set_style(style);
            self.bar.set_length(of);
        }
        self.bar.set_message(message);
        self.bar.set_position(done);
    }

    /// Takes the status line away.
    pub(super) fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Whether what is said may be coloured: a person reads it, and NO_COLOR is not set.
    pub(super) fn has_colours(&self) -> bool {
        self.is_terminal && console::colors_enabled()
    }

    /// Characters of a row.
    pub(super) fn width(&self) -> usize {
        if self.is_terminal { usize::from(Term::stdout().size().1).max(20) } else { WIDE }
    }
}

/// A line on standard output. A closed pipe ends the output, not the command.
pub(super) fn print_line(line: impl std::fmt::Display) {
    if let Err(error) = writeln!(io::stdout(), "{line}")
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        let _ = LOST.set(error);
    }
}

/// Why a line on standard output was lost, such as on a full disk.
static LOST: OnceLock<io::Error> = OnceLock::new();

/// Why what was printed is not whole, if it is not.
pub(super) fn lost_output() -> Option<String> {
    LOST.get().map(|error| format!("standard output is not whole, it cannot be written: {error}"))
}

/// A line on standard error. Whoever reads it may have gone.
pub(super) fn tell_line(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints signals as rows of a table.
pub(super) struct Rows {
    terminal: Terminal,
    has_header: bool,
    tells_historical: bool,
}

impl Rows {
    pub(super) fn new(terminal: Terminal, tells_historical: bool) -> Self {
        Self { terminal, has_header: false, tells_historical }
    }
}

impl Sink for Rows {
    fn accept(&mut self, burst: &Burst<'_>) -> io::Result<()> {
        let width = self.terminal.width();
        for signal in burst.signals.iter().filter(|signal| self.tells_historical || !signal.is_historical()) {
            if !std::mem::replace(&mut self.has_header, true) {
                let time = if width < NARROW { "     CLOSED" } else { "CANDLE CLOSED" };
                let header = row(width, [time, "SYMBOL", "INT", "PRICE", "24 H", "SIGNAL", "TRADER"]);
                self.terminal.say(&style(truncate_str(&header, width, "…")).bold().to_string());
            }
            let change = signal.change_percent().map(|change| format!("{change:+.2}%"));
            let trader = if signal.is_historical() {
                format!("{} (historical)", shown(signal.trader(), 80))
            } else {
                shown(signal.trader(), 80)
            };
            let cells = [
                &minute(signal.timestamp().as_millisecond()),
                signal.symbol(),
                signal.interval(),
                &price(signal.price()),
                change.as_deref().unwrap_or("-"),
                signal.tag(),
                &trader,
            ];
            let row = row(width, cells);
            self.terminal.say(&truncate_str(&row, width, "…"));
        }
        Ok(())
    }
}

/// Narrower than this, the year, the price and the change of a day make room for what was signalled by whom.
const NARROW: usize = 80;

fn row(width: usize, cells: [&str; 7]) -> String {
    let [time, symbol, interval, price, change, tag, trader] = cells;
    if width < NARROW {
        let time = time.get(5..).unwrap_or(time);
        return format!("{time:<11} {symbol:<9} {interval:>3} {tag:<8} {trader}");
    }
    format!("{time:<16}  {symbol:<10} {interval:>3}  {price:>12} {change:>8}  {tag:<16} {trader}")
}

/// The minute after a close, as people write it.
pub(super) fn minute(close_ms: i64) -> String {
    match Timestamp::from_millisecond(close_ms.saturating_add(1)) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M").to_string(),
        Err(_) => format!("{close_ms} ms"),
    }
}

/// The shortest text that reads back as this price.
fn price(price: f64) -> String {
    format!("{price}")
}

/// `1.2 s`, `350 ms`.
pub(super) fn seconds(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{} ms", time.as_millis())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_shown_as_the_minute_that_it_ends() {
        assert_eq!(minute(1_670_889_659_999), "2022-12-13 00:01");
    }
}
