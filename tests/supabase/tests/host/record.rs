//! What a host records, `vyx verify --replay` does again: the same signals byte for byte, or it says what is not as it was.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::Signal;
use serde_json::Value;

use crate::process::{Host, Running, beside};
use crate::toggle::{GOLDEN, NEIGHBOUR, newest_ms, wait_for_signals};
use crate::world::{Trader, World, component, json, other_bytes, wait};

const CROSS: &str = "c0000000-0000-4000-8000-000000000003";
const BUSY: &str = "c0000000-0000-4000-8000-000000000004";

fn vyx(args: &[&str], home: &Path) -> Output {
    let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
    command.args(args).env_clear().env("DATA_DIR", home.join("verify")).output().unwrap()
}

/// The folder of the modules, with those that were published by other bytes.
fn modules(world: &World, more: &[&[u8]]) -> PathBuf {
    let folder = world.dir.path().join("modules");
    std::fs::create_dir_all(&folder).unwrap();
    for name in ["pulse", "golden-cross", "hostile-loop-on-close"] {
        std::fs::write(folder.join(format!("{name}.wasm")), component(name)).unwrap();
    }
    for (at, bytes) in more.iter().enumerate() {
        std::fs::write(folder.join(format!("more-{at}.wasm")), bytes).unwrap();
    }
    folder
}

/// Whether the recording is proved, and what was said of it.
fn verify(world: &World, recording: &Path, modules: &Path) -> (bool, Value) {
    let args = ["verify", "--replay", recording.to_str().unwrap(), "--modules", modules.to_str().unwrap(), "--json"];
    let output = vyx(&args, world.dir.path());
    let said = String::from_utf8(output.stdout).unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{said}{words}");
    let said = json(&said);
    assert_eq!(said["ok"], output.status.code() == Some(0), "{said}");
    (output.status.code() == Some(0), said)
}

fn copy(world: &World, recording: &Path, name: &str) -> PathBuf {
    let to = world.dir.path().join(name);
    std::fs::create_dir_all(&to).unwrap();
    for file in std::fs::read_dir(recording).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
    to
}

/// Changes the last text of this kind in the files of an extension.
fn change(folder: &Path, extension: &str, change: impl Fn(&str) -> Option<String>) {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == extension));
    files.sort();
    let changed = files.iter().rev().any(|file| {
        let text = std::fs::read_to_string(file).unwrap();
        change(&text).is_some_and(|text| std::fs::write(file, text).is_ok())
    });
    assert!(changed, "nothing to change in {}", folder.display());
}

fn signals(said: &Value) -> u64 {
    let sessions = said["sessions"].as_array().unwrap().iter();
    let traders = sessions.flat_map(|session| session["traders"].as_object().unwrap().values());
    traders.map(|trader| trader["equal"].as_u64().unwrap()).sum()
}

fn world() -> World {
    let world = World::new();
    world.add(Trader::built_in(GOLDEN, "Golden Cross", "pulse"));
    world.add(Trader::built_in(NEIGHBOUR, "Neighbour", "pulse"));
    let params = r#"{"interval": "1m", "short_period": 3, "long_period": 9, "cooldown": 0}"#;
    world.add(Trader::built_in(CROSS, "Averages", "golden-cross").params(params));
    world
}

/// Where the hosts of a world record.
pub fn folder(world: &World) -> PathBuf {
    world.dir.path().join("recording")
}

/// Fails unless everything that was recorded gives the same signals again.
pub fn assert_proved(world: &World) {
    let (is_proved, said) = verify(world, &folder(world), &beside("VYX_TRADERS", "traders"));
    assert!(is_proved && signals(&said) > 0, "{said:#}");
}

fn recording(world: &World, host: Host) -> (PathBuf, Host) {
    let folder = folder(world);
    let host = host.env("RECORD_DIR", folder.to_str().unwrap());
    (folder, host)
}

fn let_pass(world: &World, host: &Running, candles: i64) {
    let until_ms = host.last_close_ms() + candles * 60_000;
    world.wait_for("the neighbour", &newest_ms(NEIGHBOUR), |close_ms| close_ms >= until_ms);
}

/// A version is swapped, a trader is switched off and on, the host is killed and started again; and each of the ways in which a
/// recording can be changed is found.
#[test]
fn a_recording_is_proved_and_a_changed_one_is_not() {
    let world = world();
    let (folder, host) = recording(&world, world.shared());
    let other = other_bytes(component("pulse"), "second");
    let mut host = host.start();
    host.wait_for_realtime();
    wait_for_signals(&world, GOLDEN);
    let sha256 = world.publish(None, &other);
    world.set_version(GOLDEN, &sha256, r#"{"every": 2}"#);
    host.wait_for("reloaded Golden Cross");
    let_pass(&world, &host, 20);
    world.enable(GOLDEN, false);
    host.wait_for_state("Golden Cross", "stopped");
    let_pass(&world, &host, 10);
    world.enable(GOLDEN, true);
    host.wait_for_state("Golden Cross", "running");
    let_pass(&world, &host, 20);
    assert_eq!(host.end(Signal::KILL).0, -1);

    let (_, again) = recording(&world, world.shared());
    let host = again.start();
    host.wait_for_realtime();
    let_pass(&world, &host, 30);
    let (code, log) = host.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");

    let modules = modules(&world, &[&other]);
    let (is_proved, said) = verify(&world, &folder, &modules);
    assert!(is_proved, "{said:#}");
    assert!(signals(&said) > 200, "{said:#}");
    assert_eq!(said["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(said["sessions"][0]["traders"].as_object().unwrap().len(), 3, "{said:#}");

    // Every signal of the database was recorded, but for those of a kill between the two.
    let rows = world.count("select count(*) from signals") + world.count("select count(*) from historical_signals");
    assert!(signals(&said) + 50 >= rows as u64, "{rows} rows, {}", signals(&said));

    // The last digit of a candle.
    let changed = copy(&world, &folder, "candle");
    change(&changed, "csv", |text| {
        let (before, last) = text.trim_end().rsplit_once('\n')?;
        let mut fields: Vec<String> = last.split(',').map(str::to_owned).collect();
        fields[7] += "1";
        Some(format!("{before}\n{}\n", fields.join(",")))
    });
    let (is_proved, said) = verify(&world, &changed, &modules);
    assert!(!is_proved);
    assert!(said.to_string().contains("its candles are not those that were recorded"), "{said:#}");

    // The price of a signal.
    let changed = copy(&world, &folder, "signal");
    change(&changed, "jsonl", |text| {
        let at = text.rfind("\"price_at_signal\":")? + "\"price_at_signal\":".len();
        Some(format!("{}1{}", &text[..at], &text[at..]))
    });
    let (is_proved, said) = verify(&world, &changed, &modules);
    assert!(!is_proved);
    assert!(said.to_string().contains(r#""field":"price_at_signal""#), "{said:#}");

    // A module.
    std::fs::write(modules.join("more-0.wasm"), other_bytes(component("pulse"), "third")).unwrap();
    let (is_proved, said) = verify(&world, &folder, &modules);
    assert!(!is_proved);
    assert!(said.to_string().contains("no file of --modules has the sha256"), "{said:#}");

    // The project has both modules, and the rows.
    let service = ["SUPABASE_SERVICE_ROLE_KEY", &world.standin.service_secret()].map(str::to_owned);
    let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
    command.args(["verify", "--replay", folder.to_str().unwrap(), "--rows"]).env_clear();
    command.env("DATA_DIR", world.dir.path().join("verify")).env("SUPABASE_URL", world.standin.url());
    let output = command.env(&service[0], &service[1]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("proved: "), "{said}");
}

/// A trader that is cut off for its CPU time is cut off in the replay at the same calls, on whatever machine.
#[test]
fn a_trader_that_is_cut_off_is_cut_off_again() {
    let world = world();
    world.add(Trader::built_in(BUSY, "Busy", "hostile-loop-on-close"));
    let (folder, host) = recording(&world, world.shared().env("SYMBOL_COUNT", "2"));
    let host = host.start();
    wait("a trader that was cut off", || {
        (host.trader(BUSY)["counts"]["faults"]["cpu-deadline"].as_u64() > Some(1)).then_some(())
    });
    wait_for_signals(&world, NEIGHBOUR);
    assert_eq!(host.end(Signal::TERM).0, 0);
    let (is_proved, said) = verify(&world, &folder, &modules(&world, &[]));
    assert!(is_proved, "{said:#}");
    assert!(said["sessions"][0]["traders"][BUSY]["cut_off"].as_u64() > Some(1), "{said:#}");
}

/// Recorded candles are candles: the same live signals come of them, by `vyx test` and by a host.
#[test]
fn a_recording_is_replayed_as_candles() {
    let world = world();
    let candles = format!("replay:{}", world.candles(3, 300).display());
    let (folder, host) = recording(&world, world.shared().env("FEED", &candles).env("FEED_SPEED", "3600"));
    let mut first = host.start();
    first.wait_for("the feed has no more candles");
    let all = "select count(*) from signals";
    wait("all signals", || (first.page("/health")["outbox"]["queued"] == 0).then_some(()));
    assert_eq!(first.end(Signal::TERM).0, 0);
    let told = world.count(all);
    assert!(told > 600);
    let files: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(files.len() >= 8, "an hour each: {files:?}");

    // Told again by another host, every signal is known by its id, and none is new.
    let replay = format!("replay:{}", folder.display());
    let mut second = world.shared().env("DATA_DIR", world.dir.path().join("second").to_str().unwrap());
    second = second.env("FEED", &replay).env("FEED_SPEED", "max");
    let mut second = second.start();
    second.wait_for("the feed has no more candles");
    wait("all signals", || (second.page("/health")["outbox"]["queued"] == 0).then_some(()));
    assert_eq!(second.doubled(), Some(told as f64));
    assert_eq!(world.count(all), told);
    assert_eq!(second.end(Signal::TERM).0, 0);

    let pulse = beside("VYX_TRADERS", "traders").join("pulse.wasm");
    let args =
        ["test", pulse.to_str().unwrap(), "--candles", folder.to_str().unwrap(), "--trader-id", GOLDEN, "--json"];
    let output = vyx(&args, world.dir.path());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let mut ids: Vec<String> =
        text.lines().map(json).filter_map(|line| Some(line["id"].as_str()?.to_owned())).collect();
    ids.sort();
    let rows = world.query(&format!("select id::text from signals where trader_id = '{GOLDEN}' order by 1"));
    assert_eq!(ids, rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>());
}

/// A recording that cannot go on is told, and the market goes on.
#[test]
fn a_recording_that_breaks_does_not_stop_the_market() {
    let world = world();
    let (folder, host) = recording(&world, world.shared());
    let mut host = host.start();
    host.wait_for_realtime();
    wait_for_signals(&world, NEIGHBOUR);
    // The next hour finds no folder to begin its files in.
    wait("an empty folder", || std::fs::remove_dir_all(&folder).ok());
    host.wait_for("recording has stopped");
    let_pass(&world, &host, 30);
    let health = host.page("/health").to_string();
    assert!(health.contains("recording has stopped"), "{health}");
    let (status, ready) = host.get("/ready");
    assert_eq!(status, 200, "{ready}");
    assert_eq!(host.log().matches("recording has stopped").count(), 1);
    assert_eq!(host.end(Signal::TERM).0, 0);
}

#[test]
fn a_folder_that_cannot_be_recorded_to_ends_the_host_before_anything_runs() {
    let world = World::new();
    let file = world.dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let (code, words) = world.shared().env("RECORD_DIR", file.to_str().unwrap()).ends();
    assert_eq!(code, 78, "{words}");
    assert!(words.contains("RECORD_DIR=") && words.contains("name a folder"), "{words}");
}
