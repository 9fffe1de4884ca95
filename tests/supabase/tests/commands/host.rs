//! All of them around a host that runs.

use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use crate::world::{As, BUILT_IN, World, component, digest};

const ENV: [(&str, &str); 4] =
    [("RUN_MODE", "shared_backend"), ("FEED", "synthetic:1"), ("PORT", "0"), ("LOG_FORMAT", "json")];
const HANG: Duration = Duration::from_secs(120);

/// A host that ends with the test.
struct Host {
    child: Child,
    port: u64,
    lines: Receiver<String>,
}

impl Host {
    fn start(world: &World) -> Self {
        let mut child = world.start(As::Operator, &ENV, &["run"]);
        let spoken = BufReader::new(child.stderr.take().unwrap()).lines();
        let (send, receive) = mpsc::channel();
        // Ends the process on every way out of here.
        let mut host = Self { child, port: 0, lines: receive };
        std::thread::spawn(move || spoken.map_while(Result::ok).for_each(|line| drop(send.send(line))));
        let mut said = Vec::new();
        loop {
            let line = host
                .lines
                .recv_timeout(HANG)
                .unwrap_or_else(|_| panic!("the host does not listen:\n{}", said.join("\n")));
            let log: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
            if log["fields"]["message"] == "listening" {
                host.port = log["fields"]["port"].as_u64().unwrap();
                return host;
            }
            said.push(line);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_module_is_published_runs_is_verified_and_rolled_back() {
    let world = World::new();
    let host = Host::start(&world);
    let first = component("golden-cross");
    world.vyx(As::Operator, &["publish", &first, "--built-in", "Golden Cross"]).said(0, &["state     running"]);
    let second = component("rsi-oversold-bounce");
    world
        .vyx(As::Operator, &["publish", &second, "--trader", BUILT_IN])
        .said(0, &["state     running", &digest("golden-cross")]);
    world
        .vyx(As::Operator, &["rollback", "--trader", BUILT_IN])
        .said(0, &["state     running", &digest("golden-cross")]);
    let traders = world.vyx(As::Operator, &["traders", "--json"]).json();
    assert_eq!(
        (traders[0]["state"].as_str(), traders[0]["running_module_sha256"].as_str()),
        (Some("running"), Some(&*digest("golden-cross")))
    );

    let url = format!("http://127.0.0.1:{}", host.port);
    let verified = world.vyx(As::Operator, &["verify", "--shared", &url, "--toggle", BUILT_IN, "--timeout", "10"]);
    verified.said(0, &["pass    1", "pass    3", "gone ", "it was switched on again", "pass    4"]);
    assert_eq!(world.rows(&format!("select enabled from traders where id = '{BUILT_IN}'")), ["t"]);
    let doctor = world.vyx_with(As::Operator, &ENV, &["doctor"]);
    doctor.said(0, &["signals wait, a running host has it"]);
}
