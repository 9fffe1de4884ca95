//! A sweep of 100 sets of parameters over 20 symbols and 10,000 candles of each, by the `vyx` command as people run it: on one core, on
//! two, and a set alone. `--rounds N` repeats it; the median is what is printed. VYX_BIN names the `vyx` that is measured, by default the
//! one of the bench's own profile.

mod common;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::{VYX, Walk, component, open_ms};
use serde_json::Value;
use vyx_host::market::VALUES_PER_CANDLE;

const SYMBOLS: usize = 20;
const CANDLES: usize = 10_000;
/// 100 values of the line above which StochRSI is overbought: every set speaks.
const SETS: &str = "overbought=40..89.5:0.5";

/// What a run took.
#[derive(Clone, Copy)]
struct Took {
    /// From the start of the process to its end.
    wall: Duration,
    /// From when the candles were read to when the last set was done.
    sweep: Duration,
    evaluations: u64,
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let asked = args.windows(2).find(|pair| pair[0] == "--rounds").and_then(|pair| pair[1].parse().ok());
    let rounds: usize = asked.unwrap_or(3);
    component("bench-incremental");
    let trader = Path::new(VYX).parent().and_then(Path::parent).unwrap().join("traders/bench-incremental.wasm");
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    // What is compared is measured in turn, so that a disturbance meets all of it.
    let ways =
        [("100 sets, 1 core", SETS, "1"), ("100 sets, 2 cores", SETS, "2"), ("1 set, 1 core", "overbought=80", "1")];
    let mut took: Vec<Vec<Took>> = vec![Vec::new(); ways.len()];
    // The first run compiles the trader.
    run(folder.path(), &trader, &files, ways[2].1, ways[2].2);
    for _ in 0..rounds {
        for (took, (_, sets, workers)) in took.iter_mut().zip(ways) {
            took.push(run(folder.path(), &trader, &files, sets, workers));
        }
    }
    println!("{SYMBOLS} symbols x {CANDLES} candles of 1m, medians of {rounds} rounds");
    println!("{:<18} {:>10} {:>10} {:>14} {:>14}", "", "WALL", "SWEEP", "EVALUATIONS", "A SECOND");
    for ((name, ..), took) in ways.iter().zip(&took) {
        let (wall, sweep) = (median(took, |took| took.wall), median(took, |took| took.sweep));
        let evaluations = took[0].evaluations;
        let speed = evaluations as f64 / sweep.as_secs_f64() / 1e6;
        println!(
            "{name:<18} {:>8.2} s {:>8.2} s {evaluations:>14} {speed:>12.2} M",
            wall.as_secs_f64(),
            sweep.as_secs_f64()
        );
    }
    let speed_up = |of: fn(&Took) -> Duration| median(&took[0], of).as_secs_f64() / median(&took[1], of).as_secs_f64();
    println!(
        "speed-up on two cores: {:.2} of the sweep, {:.2} of the whole process",
        speed_up(|took| took.sweep),
        speed_up(|took| took.wall)
    );
}

fn run(folder: &Path, trader: &Path, files: &[PathBuf], sets: &str, workers: &str) -> Took {
    let mut command = Command::new(std::env::var_os("VYX_BIN").unwrap_or_else(|| VYX.into()));
    command.arg("test").arg(trader).args(["--json", "--sweep", sets, "--candles"]).args(files);
    command.env("WORKERS", workers).env("DATA_DIR", folder.join("data"));
    let began = Instant::now();
    let output = command.output().unwrap();
    let wall = began.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let out = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (summary, sets) = lines.split_last().unwrap();
    assert!(sets.iter().all(|set| set["signals"].as_u64() > Some(0)), "a set is silent");
    let evaluations = summary["evaluations"].as_u64().unwrap();
    assert_eq!(evaluations, (sets.len() * SYMBOLS * CANDLES) as u64);
    Took { wall, sweep: Duration::from_secs_f64(summary["elapsed_seconds"].as_f64().unwrap()), evaluations }
}

fn median(took: &[Took], of: impl Fn(&Took) -> Duration) -> Duration {
    let mut times: Vec<Duration> = took.iter().map(of).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// One file a symbol.
fn files(folder: &Path) -> Vec<PathBuf> {
    let walk = Walk::new(SYMBOLS);
    (0..SYMBOLS)
        .map(|symbol| {
            let path = folder.join(format!("S{symbol:04}USDT-1m.csv"));
            let mut text = String::from("open_time,open,high,low,close,volume\n");
            for close in 0..CANDLES {
                let (rows, _) = walk.values(close).as_chunks::<VALUES_PER_CANDLE>();
                let [open, high, low, last, volume, ..] = rows[symbol];
                writeln!(text, "{},{open},{high},{low},{last},{volume}", open_ms(close)).unwrap();
            }
            std::fs::write(&path, text).unwrap();
            path
        })
        .collect()
}
