//! The `vyx` binary as a host.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::world::{HANG, json, runtime, wait};

/// What `cargo xtask test` built.
pub fn beside(variable: &str, below_target: &str) -> PathBuf {
    let path = std::env::var_os(variable)
        .map_or_else(|| std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join(below_target), PathBuf::from);
    assert!(path.exists(), "{} is not there, run the tests with: cargo xtask test", path.display());
    path
}

/// A host that is about to start.
pub struct Host {
    env: BTreeMap<String, String>,
}

impl Host {
    pub fn new(data_dir: PathBuf) -> Self {
        let data_dir = data_dir.to_str().unwrap().to_owned();
        Self { env: BTreeMap::from([("DATA_DIR".to_owned(), data_dir)]) }
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.insert(name.to_owned(), value.to_owned());
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.env.remove(name);
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
        command.arg("run").env_clear().envs(&self.env);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it until it ends by itself: its exit code and its words.
    pub fn ends(self) -> (i32, String) {
        let child = self.command().spawn().unwrap();
        let id = Pid::from_child(&child);
        let (send, done) = mpsc::channel();
        std::thread::spawn(move || send.send(child.wait_with_output().unwrap()));
        let output = done.recv_timeout(HANG).unwrap_or_else(|_| {
            let _ = kill_process(id, Signal::KILL);
            panic!("the host was to end, and runs on")
        });
        let words = [output.stdout, output.stderr].concat();
        let words = String::from_utf8(words).unwrap();
        assert!(!words.contains("panicked"), "{words}");
        (output.status.code().unwrap_or(-1), words)
    }

    /// Starts it and waits until it listens.
    pub fn start(self) -> Running {
        let mut running = self.start_unheard();
        running.wait_until_listening();
        running
    }

    /// Starts it and waits until it serves its pages on a port that it was given.
    pub fn start_on(self, port: u16) -> Running {
        let mut running = self.start_unheard();
        running.port = port;
        wait("its pages", || std::net::TcpStream::connect(("127.0.0.1", port)).ok());
        running
    }

    /// Starts it, to hear its first words.
    pub fn start_unheard(self) -> Running {
        let mut child = self.command().spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let (send, log) = (send.clone(), log.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    log.lock().unwrap().push(line.clone());
                    let _ = send.send(line);
                }
            });
        }
        Running { child, lines, log, port: 0 }
    }
}

/// A host that runs. It is killed when this is dropped.
pub struct Running {
    pub child: Child,
    lines: Receiver<String>,
    log: Arc<Mutex<Vec<String>>>,
    pub port: u16,
}

impl Running {
    /// Waits until it serves its pages.
    pub fn wait_until_listening(&mut self) {
        let listening = self.wait_for("\"listening\"");
        self.port = u16::try_from(listening["fields"]["port"].as_u64().unwrap()).unwrap();
    }

    /// The next log line, of those not waited for yet, that holds these words.
    pub fn wait_for(&mut self, words: &str) -> Value {
        let deadline = Instant::now() + HANG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) if line.contains(words) => return json(&line),
                Ok(_) => {}
                Err(_) => panic!("{words:?} was never said, but:\n{}", self.log()),
            }
        }
    }

    /// All that it said so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().join("\n")
    }

    /// A page: its status and its text.
    pub fn get(&self, path: &str) -> (u16, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        runtime().block_on(async {
            let answer = reqwest::get(url).await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        })
    }

    /// A page, asked for in another way: its status, its content type and its text.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = reqwest::Client::new().request(method.parse().unwrap(), url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        runtime().block_on(async {
            let answer = request.send().await.unwrap();
            let content_type = answer.headers().get("content-type").map_or("", |value| value.to_str().unwrap());
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
            (answer.status().as_u16(), content_type.to_owned(), answer.text().await.unwrap())
        })
    }

    /// Asks it to read the registry.
    pub fn reload(&self) {
        assert_eq!(self.ask("POST", "/api/reload", &[]).0, 202);
    }

    /// Sends a signal and does not wait.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: its exit code and all that it said.
    pub fn ended(mut self) -> (i32, String) {
        let status = wait("the end of the host", || self.child.try_wait().unwrap());
        // The readers end with the pipes.
        while self.lines.recv().is_ok() {}
        (status.code().unwrap_or(-1), self.log())
    }

    pub fn page(&self, path: &str) -> Value {
        json(&self.get(path).1)
    }

    /// The states of its traders, by name.
    pub fn states(&self) -> BTreeMap<String, String> {
        let page = self.page("/api/traders");
        let of = |trader: &Value, key: &str| trader[key].as_str().unwrap().to_owned();
        page["traders"].as_array().unwrap().iter().map(|trader| (of(trader, "name"), of(trader, "state"))).collect()
    }

    /// Waits until a trader is in a state.
    pub fn wait_for_state(&self, name: &str, state: &str) {
        wait(&format!("{name} {state}"), || (self.states().get(name).map(String::as_str) == Some(state)).then_some(()));
    }

    /// Waits until it says that it is ready.
    pub fn wait_until_ready(&self) {
        wait("ready", || (self.get("/ready").0 == 200).then_some(()));
    }

    /// Waits until changes of rows are heard at once.
    pub fn wait_for_realtime(&self) {
        wait("realtime", || (self.metric("vyx_realtime_live") == Some(1.0)).then_some(()));
    }

    /// Close time of the newest candle that was delivered, milliseconds.
    pub fn last_close_ms(&self) -> i64 {
        wait("a candle", || self.page("/health")["report"]["last_close_ms"].as_i64())
    }

    /// A trader of /api/traders, which are there after the first read.
    pub fn trader(&self, id: &str) -> Value {
        wait(id, || {
            let page = self.page("/api/traders");
            page["traders"].as_array().unwrap().iter().find(|trader| trader["id"] == id).cloned()
        })
    }

    /// Fails if a signal was refused by the database for good: then the host said what it should not have said.
    pub fn assert_nothing_refused(&self) {
        let page = self.page("/health");
        assert_eq!(page["outbox"]["dead"], serde_json::json!({}), "{page}");
    }

    /// Live signals that the database had already.
    pub fn doubled(&self) -> Option<f64> {
        self.metric("vyx_signals_duplicate_total{table=\"signals\"}")
    }

    /// A sample of /metrics whose line begins so.
    pub fn metric(&self, begins: &str) -> Option<f64> {
        let (_, page) = self.get("/metrics");
        page.lines().find_map(|line| line.strip_prefix(begins)?.rsplit(' ').next()?.parse().ok())
    }

    /// Sends a signal and waits for the end: its exit code and all that it said.
    pub fn end(self, signal: Signal) -> (i32, String) {
        self.signal(signal);
        self.ended()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the host said:\n{}", self.log());
        }
    }
}
