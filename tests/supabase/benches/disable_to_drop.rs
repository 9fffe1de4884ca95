//! How long it takes from the UPDATE that disables a trader to its dropped store: with Realtime, and with polling alone. The host
//! is a process, the database a real PostgreSQL; what is in between is the stand-in, on this machine.

#[allow(dead_code)]
#[path = "../tests/host/process.rs"]
mod process;
#[allow(dead_code)]
#[path = "../tests/host/world.rs"]
mod world;

use std::time::{Duration, Instant};

use vyx_supabase::{Effect, Fault, Match};

use crate::process::Running;
use crate::world::{Trader, World};

const TRADER: &str = "d16e060c-0000-4000-8000-000000000002";
const NEIGHBOUR: &str = "73d7da06-0000-4000-8000-000000000001";
/// Toggles with Realtime, and with polling.
const HEARD: usize = 100;
const POLLED: u32 = 30;
const POLL: Duration = Duration::from_secs(5);

fn main() {
    let world = World::new();
    world.add(Trader::built_in(TRADER, "Golden Cross", "pulse"));
    world.add(Trader::built_in(NEIGHBOUR, "Neighbour", "healthy"));

    let mut host = world.shared().start();
    host.wait_for_realtime();
    host.wait_for("started Golden Cross");
    let took = (0..HEARD).map(|_| toggle(&world, &mut host, "stopped, as it was disabled")).collect();
    tell("realtime", took);
    histograms(&host);
    drop(host);

    world.standin.fault(Fault::new(Match::any().path("/realtime/v1/websocket"), Effect::json(403, "{}")));
    let mut host = world.shared().start();
    host.wait_for("started Golden Cross");
    let took = (0..POLLED).map(|round| {
        // The trader starts with a poll; the toggles are spread evenly between that and the next one.
        std::thread::sleep(POLL * round / POLLED);
        toggle(&world, &mut host, "no longer ours")
    });
    tell("polling", took.collect());
    histograms(&host);
}

/// From before the UPDATE is sent to the line that says that the store is dropped.
fn toggle(world: &World, host: &mut Running, dropped: &str) -> Duration {
    let began = Instant::now();
    world.enable(TRADER, false);
    host.wait_for(dropped);
    let took = began.elapsed();
    world.enable(TRADER, true);
    host.wait_for("started Golden Cross");
    took
}

fn tell(how: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() * percent).div_ceil(100).max(1) - 1].as_secs_f64() * 1_000.0;
    println!(
        "{how}: {} toggles, median {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
        took.len(),
        at(50),
        at(90),
        at(99),
        at(100)
    );
}

fn histograms(host: &Running) {
    for name in ["disable_heard_to_dropped_seconds", "disable_committed_to_dropped_seconds"] {
        let sample = |what| host.metric(&format!("vyx_{name}_{what}")).unwrap_or(f64::NAN);
        println!("  {name}: {} stops, mean {:.2} ms", sample("count"), sample("sum") / sample("count") * 1_000.0);
    }
}
