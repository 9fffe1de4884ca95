//! What one trader may use. Every number states its reason; nothing else in the host limits a guest.

use std::time::Duration;

/// Thread CPU time of a call, whatever it carries. An evaluation takes microseconds; this is room for a full recomputation over
/// thousands of candles on a slow shared core.
pub const CPU_PER_CALL: Duration = Duration::from_millis(100);
/// Added to [`CPU_PER_CALL`] for each symbol of the batch, so that a trader over hundreds of symbols is not worse off.
pub const CPU_PER_SYMBOL: Duration = Duration::from_millis(1);
/// Thread CPU time of `describe`, which returns constants.
pub const CPU_DESCRIBE: Duration = Duration::from_millis(50);
/// Thread CPU time of instantiation and `init`, which make tables for each symbol.
pub const CPU_INIT: Duration = Duration::from_millis(250);

/// Thread CPU time of a whole warm-up. The longest declared one, 5,000 candles of a hundred symbols, takes less than a second;
/// everybody else waits for it.
pub const CPU_WARM_UP: Duration = Duration::from_secs(15);

/// How many times its CPU time a call has where a recording is replayed: there only what ends nowhere is cut by the clock.
pub const REPLAY_PATIENCE: u32 = 50;

/// Linear memories and tables of an instance together. States of a thousand symbols on six intervals take about 2 MiB.
pub const MEMORY_BYTES: usize = 16 << 20;
/// What an element of a table counts for: a pointer and its type on the host.
pub const TABLE_ELEMENT_BYTES: usize = 16;
/// Bytes that a call may move from the guest to the host: the plots of a thousand symbols, and room for texts.
pub const HOSTCALL_BYTES: usize = 1 << 20;
/// Stack of a guest. Deeper recursion than this is a mistake.
pub const STACK_BYTES: usize = 512 << 10;

/// A component as it is stored. Built as the SDK does, a trader is 30 to 150 KB.
pub const MODULE_BYTES: usize = 4 << 20;
/// Functions of a component: bounds the time of compilation.
pub const FUNCTIONS: u32 = 20_000;
/// Core modules of a component: the trader itself, and the shim and fixups that componentizing adds.
pub const CORE_MODULES: u32 = 8;
/// Wall time of a compilation in the child process. A trader takes 15 ms; the largest allowed takes seconds.
pub const COMPILE_WALL: Duration = Duration::from_secs(30);
/// CPU time of a compilation, set as the child's own limit.
pub const COMPILE_CPU: Duration = Duration::from_secs(30);
/// Memory of a compilation, set as the child's own limit: its address space.
pub const COMPILE_MEMORY_BYTES: u64 = 2 << 30;

/// Parameters that a trader describes.
pub const PARAMS: usize = 64;
/// Tags that a trader describes.
pub const TAGS: usize = 32;
/// Lines of all plots together: each is a value a candle and symbol to carry.
pub const PLOT_LINES: usize = 16;
/// A name of a parameter, tag or plot, bytes.
pub const NAME_BYTES: usize = 40;
/// The name of a trader, a title or a choice, bytes.
pub const TITLE_BYTES: usize = 80;
/// A summary or a help, bytes.
pub const HELP_BYTES: usize = 400;
/// The value of a text parameter, characters.
pub const TEXT_CHARACTERS: usize = 400;
/// Choices of a parameter.
pub const CHOICES: usize = 64;

/// Intervals of a subscription; there are 14.
pub const INTERVALS: usize = 14;
/// Candles of a warm-up. Five requests of an exchange for each symbol; an EMA of 500 is exact to 1e-8 after it.
pub const WARM_UP: u32 = 5_000;
/// Candles that a column may be asked for.
pub const LOOKBACK: u32 = 5_000;
/// Symbols that a subscription names.
pub const SYMBOLS: usize = 2_000;
/// Declared streams of other symbols: each delays the delivery of every candle.
pub const OTHER_STREAMS: usize = 8;

/// Different signals of one candle.
pub const SIGNALS_PER_CANDLE: usize = 8;
/// Signals of a trader in one minute of candle time: far above a market-wide move over hundreds of symbols.
pub const SIGNALS_PER_MINUTE: u32 = 2_000;

/// Historical signals of one start, the newest: what a chart of the last days shows. One that speaks at every candle of its warm-up
/// over a hundred symbols would otherwise fill the memory.
pub const HISTORICAL_SIGNALS: usize = 2_000;

/// A log line, bytes.
pub const LOG_LINE_BYTES: usize = 1 << 10;
/// Log lines of a trader in one minute of candle time, bytes.
pub const LOG_BYTES_PER_MINUTE: usize = 16 << 10;

/// Symbols of one failing batch that are set aside before the whole batch is given up: each costs a new instance.
pub const ISOLATED_FAULTS: usize = 3;

/// The budget of an `on-close` call.
#[must_use]
pub fn cpu_of_batch(symbols: usize) -> Duration {
    CPU_PER_CALL + CPU_PER_SYMBOL.saturating_mul(u32::try_from(symbols).unwrap_or(u32::MAX))
}
