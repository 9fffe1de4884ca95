//! The binary as a process: its environment, its candles, what it says.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything takes; a process that is still there hangs.
const HANG: Duration = Duration::from_secs(120);

pub fn beside(variable: &str, below_target: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from);
    assert!(path.exists(), "{} is not there, run the tests with: cargo xtask test", path.display());
    path
}

pub fn component(name: &str) -> PathBuf {
    beside("VYX_TRADERS", "traders").join(format!("{name}.wasm"))
}

/// A folder to work in, with its own DATA_DIR.
pub struct Place {
    pub dir: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Place {
    pub fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// For builds: what they make is kept between runs in a folder of the workspace, so that the SDK is built once. HOME is part of the
    /// compiler's flags, and with another one everything would be built anew.
    pub fn that_builds(self) -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/edited");
        let home = std::env::var("HOME").unwrap_or_else(|_| "/".into());
        self.env("CARGO_TARGET_DIR", target.to_str().unwrap()).env("HOME", &home)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, below: &str, args: &[&str]) -> Command {
        let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
        command.args(args).current_dir(self.path(below)).env_clear().env("HOME", self.dir.path());
        for name in ["PATH", "CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command.env("DATA_DIR", self.path("data")).envs(self.env.iter().cloned());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str]) -> Ran {
        self.run_in("", args)
    }

    /// Runs to the end, with standard output on this file.
    pub fn run_onto(&self, file: File, args: &[&str]) -> Ran {
        let mut command = self.command("", args);
        command.stdout(file);
        Self::finish(command, args)
    }

    /// Runs in a folder of the place, to the end.
    pub fn run_in(&self, below: &str, args: &[&str]) -> Ran {
        Self::finish(self.command(below, args), args)
    }

    fn finish(mut command: Command, args: &[&str]) -> Ran {
        let child = command.spawn().unwrap();
        let (send, done) = mpsc::channel();
        let id = child.id();
        std::thread::spawn(move || send.send(child.wait_with_output().unwrap()));
        let output = done.recv_timeout(HANG).unwrap_or_else(|_| panic!("vyx {args:?} (process {id}) hangs"));
        Ran::of(&output)
    }

    /// Starts it, to be looked at while it runs.
    pub fn start(&self, args: &[&str]) -> Running {
        let mut child = self.command("", args).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        for stream in [
            Box::new(child.stdout.take().unwrap()) as Box<dyn std::io::Read + Send>,
            Box::new(child.stderr.take().unwrap()),
        ] {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Running { child, lines, said: Vec::new() }
    }
}

/// What a finished process left behind.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let ran =
            Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) };
        // A guest that panics is told in other words.
        assert!(!ran.err.contains("' panicked at") && !ran.err.contains(") panicked at"), "{}", ran.err);
        ran
    }

    /// The JSON lines of standard output but the summary.
    pub fn signals(&self) -> Vec<Value> {
        let lines = self.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line.get("summary").is_none()).collect()
    }

    /// The lines of the signals, to be compared to the byte.
    pub fn lines(&self) -> Vec<&str> {
        self.out.lines().filter(|line| !line.contains("\"summary\":true")).collect()
    }
}

/// A process that runs.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    pub said: Vec<String>,
}

impl Running {
    /// Waits for a line that holds these words.
    pub fn wait_for(&mut self, words: &str) -> String {
        let deadline = Instant::now() + HANG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.said.push(line.clone());
                    if line.contains(words) {
                        return line;
                    }
                }
                Err(_) => panic!("{words:?} was never said, but:\n{}", self.said.join("\n")),
            }
        }
    }

    /// Sends a signal and waits for the end.
    pub fn end(mut self, signal: rustix::process::Signal) -> (i32, Vec<String>) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
        let status = self.child.wait().unwrap();
        self.said.extend(self.lines.iter());
        (status.code().unwrap_or(-1), std::mem::take(&mut self.said))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Complete JSON lines of a file.
pub fn json_lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Candles of one minute as CSV rows: open time, open, high, low, close, volume. The same at every run.
pub fn candles(count: usize, seed: u64) -> Vec<[f64; 6]> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut price = 1_000.0_f64;
    (0..count)
        .map(|at| {
            let open = price;
            let wild = if at / 61 % 3 == 2 { 5.0 } else { 1.0 };
            price = ((price * (1.0 + (next() - 0.5) * 0.004 * wild)) * 100.0).round() / 100.0;
            let volume = (next() * if next() > 0.97 { 1_000.0 } else { 50.0 } * 1_000.0).round() / 1_000.0;
            let (high, low) = (open.max(price) + 0.5, open.min(price) - 0.5);
            [(START_MS + at as i64 * 60_000) as f64, open, high, low, price, volume]
        })
        .collect()
}

pub const START_MS: i64 = 1_735_689_600_000;

pub fn csv(candles: &[[f64; 6]]) -> String {
    let rows = candles.iter().map(|[time, open, high, low, close, volume]| {
        format!("{},{open},{high},{low},{close},{volume}\n", *time as i64)
    });
    std::iter::once("open_time,open,high,low,close,volume\n".to_owned()).chain(rows).collect()
}
