//! One file into candles: opening, telling the container, feeding the rows on.

use std::io::{self, BufReader, Read, Seek};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File};

use super::candles::Candles;
use super::error::{ReplayError, shown_path};
use super::json::JsonRows;
use super::rows::{Fields, Rows};
use super::source::CandleSource;

/// The most that is unpacked from one archive, or read of one JSON text: six years of 1m klines in all 12 columns are about
/// 0.5 GB, and what is longer is a mistake or an attack.
const MAX_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
/// What is looked at to tell what a file is. A sparse file of many gigabytes is told as well, before it is read as one line.
const HEAD_BYTES: u64 = 4 * 1024;

impl Fields for csv::ByteRecord {
    fn count(&self) -> usize {
        self.len()
    }

    #[inline]
    fn field(&self, place: usize) -> &[u8] {
        // Lines are cut at the line feed alone; see `read_csv`.
        let field = self.get(place).unwrap_or_default();
        field.strip_suffix(b"\r").unwrap_or(field)
    }
}

/// Reads all candles of a file.
pub(super) fn load(source: &CandleSource) -> Result<Candles, ReplayError> {
    let name = shown_path(&source.path);
    let read_error = |source| ReplayError::Read { file: name.clone(), source };
    let mut file = open(&source.path, &name)?;
    let mut magic = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut magic).map_err(read_error)?;
    file.rewind().map_err(read_error)?;
    let container = |problem: String| ReplayError::Container { file: name.clone(), problem };
    let extension = source.path.extension().unwrap_or_default().to_ascii_lowercase();
    let mut rows = Rows::new(&name, source.interval);
    match magic.as_slice() {
        [b'P', b'K', ..] => read_zip(file, &mut rows, &name)?,
        [0x1f, 0x8b, ..] => {
            return Err(container("it is packed with gzip; unpack it first".to_owned()));
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            return Err(container("it is UTF-16 text; save it as UTF-8".to_owned()));
        }
        head if head.contains(&0) => {
            return Err(container("it is not text: it has zero bytes; give a CSV, zip or JSON file".to_owned()));
        }
        _ if extension == "zip" => {
            return Err(container("it is not a zip archive; download it again".to_owned()));
        }
        [b'[' | b'{', ..] => read_json(file, &mut rows, &name)?,
        _ if extension == "json" => read_json(file, &mut rows, &name)?,
        _ => read_csv(file, &mut rows, &name)?,
    }
    rows.finish()
}

/// The only place where files are reached by path: each through the directory that it lies in.
pub(super) fn open(path: &Path, name: &str) -> Result<File, ReplayError> {
    let error = |source| ReplayError::Read { file: name.to_owned(), source };
    let not_a_file = |what| ReplayError::NotAFile { file: name.to_owned(), what };
    let file_name = path.file_name().ok_or_else(|| not_a_file("a directory"))?;
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let dir = Dir::open_ambient_dir(parent, ambient_authority()).map_err(error)?;
    // Asked before opening, since opening a pipe would wait for its writer.
    let metadata = dir.metadata(file_name).map_err(error)?;
    if metadata.is_dir() {
        return Err(not_a_file("a directory"));
    }
    if !metadata.is_file() {
        return Err(not_a_file("not a regular file"));
    }
    dir.open(file_name).map_err(error)
}

fn read_csv(input: impl Read, rows: &mut Rows<'_>, name: &str) -> Result<(), ReplayError> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        // Cut this way, and with a line feed at the very end, every row ends on the line before the reader's own place. The
        // place where it began to look for the row would not do: blank lines may stand between.
        .terminator(csv::Terminator::Any(b'\n'))
        .buffer_capacity(BUFFER_BYTES)
        .from_reader(input.chain(b"\n".as_slice()));
    let mut record = csv::ByteRecord::new();
    loop {
        let more = reader
            .read_byte_record(&mut record)
            .map_err(|error| ReplayError::Read { file: name.to_owned(), source: error.into() })?;
        if !more {
            return Ok(());
        }
        if record.len() == 1 && record.field(0).trim_ascii().is_empty() {
            continue;
        }
        let line = reader.position().line() - 1;
        rows.row(line, &record)?;
    }
}

fn read_zip(file: File, rows: &mut Rows<'_>, name: &str) -> Result<(), ReplayError> {
    let error = |problem: String| ReplayError::Container { file: name.to_owned(), problem };
    let broken =
        |fault: zip::result::ZipError| error(format!("the zip archive is broken ({fault}); download it again"));
    let mut archive = zip::ZipArchive::new(BufReader::with_capacity(BUFFER_BYTES, file)).map_err(broken)?;
    let names = archive.file_names().collect::<Result<Vec<_>, _>>().map_err(broken)?;
    let mut files = names.iter().enumerate().filter(|(_, entry)| !entry.ends_with('/'));
    let (place, is_csv) = match (files.next(), files.count()) {
        (Some((place, entry)), 0) => (place, entry.to_ascii_lowercase().ends_with(".csv")),
        (first, more) => {
            let count = more + usize::from(first.is_some());
            return Err(error(format!("the archive holds {count} files; give one that holds exactly one CSV file")));
        }
    };
    if !is_csv {
        return Err(error(
            "the file in the archive is not a .csv; give one that holds exactly one CSV file".to_owned(),
        ));
    }
    drop(names);
    let entry = archive.by_index(place).map_err(broken)?;
    // The declared size may lie, so the reader counts as well.
    if entry.size() > MAX_UNPACKED_BYTES {
        return Err(error(too_large(entry.size())));
    }
    read_csv(Capped { input: entry, left: MAX_UNPACKED_BYTES }, rows, name)
}

fn read_json(file: File, rows: &mut Rows<'_>, name: &str) -> Result<(), ReplayError> {
    let mut text = Vec::new();
    let mut input = Capped { input: file, left: MAX_UNPACKED_BYTES };
    input.read_to_end(&mut text).map_err(|source| ReplayError::Read { file: name.to_owned(), source })?;
    let error = |(line, problem): (u64, &str)| ReplayError::Columns {
        file: name.to_owned(),
        line,
        problem: problem.to_owned(),
    };
    let mut json = JsonRows::new(&text).map_err(error)?;
    while let Some((line, row)) = json.next().map_err(error)? {
        rows.row(line, row)?;
    }
    Ok(())
}

fn too_large(bytes: u64) -> String {
    format!("it unpacks to {bytes} bytes, more than the {MAX_UNPACKED_BYTES} that are read; split it by month")
}

/// Fails instead of giving more than it may.
struct Capped<R> {
    input: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::FileTooLarge,
                too_large(MAX_UNPACKED_BYTES + 1).replace("to ", "to at least "),
            )
        })?;
        Ok(count)
    }
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
