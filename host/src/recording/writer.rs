//! The files of a recording, written by one thread. Rows come before the line that counts them, so whenever the process is killed, what
//! was written is whole but for a last line.

use std::io::{self, Write as _};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions};
use jiff::Timestamp;
use uuid::Uuid;

use super::format::{Delivery, Done, Event, FORMAT, HEADER, Names, write_rows};
use super::queue::{Message, Queue};
use super::{About, CANDLES, DECISIONS, number_of};
use crate::config::{Place, Rotation};
use crate::market::{Segment, SymbolId};

/// The files that are open.
#[derive(Debug)]
struct Files {
    candles: File,
    decisions: File,
    bytes: u64,
    period: i64,
}

/// See the module.
pub(super) struct Writer {
    dir: Dir,
    rotation: Rotation,
    session: String,
    files: Option<Files>,
    part: u32,
    /// Close time of the newest candle.
    now_ms: i64,
    names: Names,
    /// Before there is a candle, nobody knows how the files are called.
    early: Vec<Message>,
    /// The segment before, where it was undone.
    undone: Option<String>,
    rows: String,
}

impl Writer {
    /// Opens the folder and shows that it can be written to.
    pub(super) fn open(place: &Place, about: About) -> io::Result<Self> {
        make_private(&place.dir)?;
        let dir = Dir::open_ambient_dir(&place.dir, ambient_authority())?;
        let session = Uuid::new_v4().to_string();
        create(&dir, &format!("probe-{session}"))?;
        dir.remove_file(format!("probe-{session}"))?;
        Ok(Self {
            dir,
            rotation: place.rotation,
            session,
            files: None,
            part: 0,
            now_ms: i64::MIN,
            names: Names::default(),
            early: vec![Message::Event(Event::Session(about))],
            undone: None,
            rows: String::new(),
        })
    }

    /// Writes until the end.
    pub(super) fn run(mut self, queue: &Queue) -> io::Result<()> {
        while let Some(message) = queue.pop() {
            if self.files.is_none() && !message.has_candles() {
                self.early.push(message);
                continue;
            }
            self.write(message)?;
        }
        if self.files.is_some() {
            self.event(&Event::End)?;
            self.close()?;
        }
        Ok(())
    }

    fn write(&mut self, message: Message) -> io::Result<()> {
        match message {
            Message::Event(event) => {
                if let Event::Symbols { names } = &event {
                    self.names.offer(names);
                }
                self.event(&event)
            }
            Message::Delivery { segment, delivery, signals } => {
                self.now_ms = self.now_ms.max(segment.last_close_ms().unwrap_or(i64::MIN));
                self.rotate()?;
                self.delivery(&segment, *delivery, &signals)
            }
        }
    }

    fn delivery(&mut self, segment: &Segment, mut delivery: Delivery, signals: &[u8]) -> io::Result<()> {
        self.names.learn(&delivery.named);
        self.names.learn(&delivery.joined);
        self.rows.clear();
        write_rows(segment, &self.names, &mut self.rows)
            .map_err(|SymbolId(symbol)| io::Error::other(format!("host fault: symbol {symbol} has no name")))?;
        delivery.blake3 = blake3::hash(self.rows.as_bytes()).to_hex().to_string();
        delivery.again = !self.rows.is_empty() && self.undone.as_ref() == Some(&delivery.blake3);
        self.undone = (delivery.done == Done::Undone).then(|| delivery.blake3.clone());
        let mut lines = line(&Event::Segment(delivery.clone()))?;
        lines.extend_from_slice(signals);
        let Some(files) = &mut self.files else { return Ok(()) };
        if !delivery.again {
            files.candles.write_all(self.rows.as_bytes())?;
            files.bytes += self.rows.len() as u64;
        }
        files.decisions.write_all(&lines)?;
        files.bytes += lines.len() as u64;
        Ok(())
    }

    fn event(&mut self, event: &Event) -> io::Result<()> {
        let line = line(event)?;
        let Some(files) = &mut self.files else { return Ok(()) };
        files.bytes += line.len() as u64;
        files.decisions.write_all(&line)
    }

    /// Begins new files where the old ones are full or of another time.
    fn rotate(&mut self) -> io::Result<()> {
        let every_ms = i64::try_from(self.rotation.every.as_millis()).unwrap_or(i64::MAX).max(1);
        let period = self.now_ms.div_euclid(every_ms);
        if self.files.as_ref().is_some_and(|files| files.period == period && files.bytes < self.rotation.bytes) {
            return Ok(());
        }
        self.close()?;
        let start = Timestamp::from_millisecond(period.saturating_mul(every_ms)).unwrap_or(Timestamp::UNIX_EPOCH);
        let start = start.strftime("%Y%m%dT%H%M%SZ").to_string();
        let (candles, decisions) = self.create_pair(&start)?;
        self.files = Some(Files { candles, decisions, bytes: 0, period });
        self.event(&Event::File { format: FORMAT, session: self.session.clone(), part: self.part })?;
        self.part += 1;
        std::mem::take(&mut self.early).into_iter().try_for_each(|message| self.write(message))
    }

    /// The next number that nobody has taken.
    fn create_pair(&self, start: &str) -> io::Result<(File, File)> {
        let mut last = 0;
        for entry in self.dir.entries()? {
            last = last.max(number_of(&entry?.file_name().to_string_lossy()).unwrap_or(0));
        }
        loop {
            last += 1;
            let mut candles = match create(&self.dir, &format!("{CANDLES}{last:06}-{start}.csv")) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(error),
            };
            candles.write_all(HEADER.as_bytes())?;
            return Ok((candles, create(&self.dir, &format!("{DECISIONS}{last:06}-{start}.jsonl"))?));
        }
    }

    fn close(&mut self) -> io::Result<()> {
        let Some(files) = self.files.take() else { return Ok(()) };
        files.candles.sync_data()?;
        files.decisions.sync_data()
    }
}

fn line(event: &Event) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    Ok(line)
}

fn create(dir: &Dir, name: &str) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use cap_std::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    dir.open_with(name, &options)
}

/// A folder that is there already is left as it is.
fn make_private(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}
