//! What the host needs of a machine: time to stop a trader, memory, time to start, size. Each part runs in a process of its own.

mod common;

use std::io;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{Counting, ROUND, VYX, WORKERS, Walk, component, params, ready, symbols, trader_id};
use rayon::prelude::*;
use vyx_host::market::Segment;
use vyx_host::module::{Cache, Compiler, Modules};
use vyx_host::sandbox::Metering;
use vyx_host::supervisor::Fleet;

/// A part of the report, and the name that its process is started with.
type Part = (&'static str, fn());

const PARTS: [Part; 7] = [
    ("stop-alone", || stop(0)),
    ("stop-beside-1", || stop(1)),
    ("stop-beside-4", || stop(4)),
    ("memory-1", || memory(1)),
    ("memory-10", || memory(10)),
    ("start", start),
    ("size", size),
];

fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, name] = args.as_slice()
        && flag == "--part"
        && let Some((_, part)) = PARTS.iter().find(|(known, _)| known == name)
    {
        part();
        return Ok(());
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    component("hostile-busy");
    for (name, _) in PARTS {
        if filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str())) {
            Command::new(std::env::current_exe()?).args(["--part", name]).status()?;
        }
    }
    Ok(())
}

/// From asking for a stop to the dropped store, of a trader in an endless loop.
fn stop(neighbours: usize) {
    const STOPS: usize = 300;
    let modules = common::modules();
    let module = modules.admit(&component("hostile-busy")).unwrap();
    let fleet = Fleet::new(modules.clone(), symbols(1), WORKERS).unwrap();
    let walk = Walk::new(1);
    // Some 10 ms of work at each close, far below what a call may burn.
    let busy = params(&[]).into_iter().chain([("turns".to_owned(), 5_000_000_i64.into())]).collect();
    for number in 1..=neighbours {
        assert!(fleet.insert(ready(&modules, &module, number, &busy), fleet.begin_read()));
    }
    fleet.bootstrap(&walk.segment(0, 1));
    fleet.deliver(&Segment::new(), &mut Counting::default()).unwrap();
    let mut seed = 1_u64;
    let mut times: Vec<Duration> = (0..STOPS)
        .map(|number| {
            assert!(fleet.insert(ready(&modules, &module, 0, &params(&[])), fleet.begin_read()));
            fleet.deliver(&Segment::new(), &mut Counting::default()).unwrap();
            let segment = walk.segment(number + 1, 1);
            std::thread::scope(|scope| {
                let delivery = scope.spawn(|| fleet.deliver(&segment, &mut Counting::default()).unwrap());
                // Phases that no ticker shares, 3 to 14 ms.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                std::thread::sleep(Duration::from_micros(3_000 + (seed >> 33) % 11_000));
                let took = fleet.remove(trader_id(0)).unwrap();
                delivery.join().unwrap();
                took
            })
        })
        .collect();
    times.sort();
    let at = |share: f64| times[((STOPS - 1) as f64 * share).round() as usize].as_secs_f64() * 1e6;
    assert!(fleet.status().iter().all(|status| status.counts.faults.is_empty() && status.live));
    println!(
        "stop to drop, {neighbours} busy neighbours, n = {STOPS}: median {:.0} us, p90 {:.0} us, p99 {:.0} us, max {:.0} us",
        at(0.5),
        at(0.9),
        at(0.99),
        at(1.0)
    );
}

/// Ten thousand live instances of one module, each of which was warmed up and called.
fn memory(symbol_count: usize) {
    const INSTANCES: usize = 10_000;
    let modules = common::modules();
    let module = modules.admit(&component("bench-incremental")).unwrap();
    let fleet = Fleet::new(modules.clone(), symbols(symbol_count), WORKERS).unwrap();
    let walk = Walk::new(symbol_count);
    fleet.bootstrap(&walk.segment(0, ROUND));
    let base = rss_mb();
    let given = params(&[("overbought", 1_000.0)]);
    for number in 0..INSTANCES {
        assert!(fleet.insert(ready(&modules, &module, number, &given), fleet.begin_read()));
    }
    fleet.deliver(&Segment::new(), &mut Counting::default()).unwrap();
    fleet.deliver(&walk.segment(ROUND, 1), &mut Counting::default()).unwrap();
    assert!(fleet.status().iter().all(|status| status.live));
    println!(
        "memory, {INSTANCES} instances over {symbol_count} symbols: RSS {:.0} MB ({base:.0} MB before), page tables {:.0} MB, {} maps",
        rss_mb(),
        status_mb("VmPTE:"),
        std::fs::read_to_string("/proc/self/maps").unwrap().lines().count()
    );
}

fn rss_mb() -> f64 {
    status_mb("VmRSS:")
}

/// Megabytes of 1000 KiB, as in the reference.
fn status_mb(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1_000.0
}

/// A thousand modules that differ by a custom section, one trader each, over ten symbols.
fn start() {
    const MODULES: usize = 1_000;
    let plain = component("bench-incremental");
    let distinct: Vec<Vec<u8>> = (0..MODULES).map(|number| with_section(&plain, number)).collect();
    let folder = tempfile::tempdir().unwrap();
    let cache = || Cache::open(folder.path().join("cache")).unwrap();
    let host = || Arc::new(Modules::new(Metering::Off, Compiler::Child(VYX.into()), Some(cache())).unwrap());
    let began = Instant::now();
    let filling = host();
    distinct.par_iter().for_each(|bytes| drop(filling.admit(bytes).unwrap()));
    println!("compiling {MODULES} modules in child processes: {:.1} s", began.elapsed().as_secs_f64());
    for _ in 0..3 {
        let began = Instant::now();
        let modules = host();
        let fleet = Fleet::new(modules.clone(), symbols(10), WORKERS).unwrap();
        let walk = Walk::new(10);
        fleet.bootstrap(&walk.segment(0, ROUND));
        let given = params(&[("overbought", 1_000.0)]);
        let ready: Vec<_> = distinct
            .iter()
            .enumerate()
            .map(|(number, bytes)| ready(&modules, &modules.admit(bytes).unwrap(), number, &given))
            .collect();
        let admitted = began.elapsed();
        ready.into_iter().for_each(|ready| assert!(fleet.insert(ready, fleet.begin_read())));
        fleet.deliver(&Segment::new(), &mut Counting::default()).unwrap();
        let started = began.elapsed();
        assert!(fleet.status().iter().all(|status| status.live));
        println!(
            "start of {MODULES} distinct modules, warm cache: {:.2} s, of which admission {:.2} s",
            started.as_secs_f64(),
            admitted.as_secs_f64()
        );
    }
}

/// A component with one more custom section: 0, length, length of the name, name, content.
fn with_section(component: &[u8], number: usize) -> Vec<u8> {
    let (name, content) = (b"bench", (number as u32).to_le_bytes());
    let mut bytes = component.to_vec();
    bytes.extend([0, 1 + name.len() as u8 + content.len() as u8, name.len() as u8]);
    bytes.extend(name);
    bytes.extend(content);
    bytes
}

fn size() {
    let bytes = std::fs::metadata(VYX).unwrap().len();
    println!("binary, stripped: {:.1} MB", bytes as f64 / 1e6);
}
