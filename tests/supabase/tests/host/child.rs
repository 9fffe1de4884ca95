//! A command that runs on while the test goes on.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::world::HANG;

/// It is killed when this is dropped.
pub struct Child {
    process: std::process::Child,
    lines: Receiver<String>,
    said: Vec<String>,
}

impl Child {
    pub fn start(mut command: Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(process.stdout.take().unwrap()), Box::new(process.stderr.take().unwrap())];
        for stream in streams {
            let send = send.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let _ = send.send(line);
                }
            });
        }
        Self { process, lines, said: Vec::new() }
    }

    /// Waits for a line that holds these words.
    pub fn wait_for(&mut self, words: &str) {
        let deadline = Instant::now() + HANG;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said.push(line);
                    if self.said.last().is_some_and(|line| line.contains(words)) {
                        return;
                    }
                }
                Err(_) => panic!("{words:?} was never said, but:\n{}", self.said.join("\n")),
            }
        }
    }

    /// Sends a signal and waits for the end: its exit code and all that it said.
    pub fn end(mut self, signal: Signal) -> (i32, String) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        let status = self.process.wait().unwrap();
        self.said.extend(self.lines.iter());
        (status.code().unwrap_or(-1), self.said.join("\n"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
