//! `vyx build`: from a crate, or from a core module of another language, to a component.

use std::path::{Path, PathBuf};

use wasmparser::{Parser, Payload};

use super::cargo::{self, Words};
use super::failure::Failure;
use super::terminal::print_line;
use crate::files::{self, NewFile};
use crate::module::{Digest, componentize};

/// More than any module that is admitted.
const READ_BYTES: u64 = 64 << 20;

/// Builds the trader of a crate and writes the component to `traders` in the target directory.
///
/// A trader in another language is built by its own compiler, and made a component of here. Standard output has one line a
/// component: its path, its size and its digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx build plugins/golden-cross
  vyx build volume_spike.core.wasm --out volume-spike.wasm")]
pub(super) struct Args {
    /// The folder of the crate; or a core module, which carries its world as wit-bindgen writes it.
    #[arg(value_name = "CRATE|FILE", default_value = ".")]
    from: PathBuf,
    /// Build the examples of the crate instead of its library.
    #[arg(long)]
    examples: bool,
    /// Where the component of a core module is written.
    #[arg(long, value_name = "FILE", conflicts_with = "examples")]
    out: Option<PathBuf>,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        let bytes = component_of(&args.from)?;
        NewFile::open(out).and_then(|file| file.write(&bytes)).map_err(Failure::input)?;
        tell(out, &bytes);
        return Ok(());
    }
    if args.from.is_file() {
        let file = args.from.display();
        return Err(Failure::input(format!(
            "{file} is a file; say with --out FILE where its component shall be written"
        )));
    }
    let built = cargo::build(&args.from, args.examples, Words::Shown)
        .map_err(|error| Failure::input(format!("{error:#}").trim_end()))?;
    built.iter().for_each(|built| tell(&built.path, &built.bytes));
    Ok(())
}

/// The component of a core module.
fn component_of(file: &Path) -> Result<Vec<u8>, Failure> {
    let core = files::read(file, READ_BYTES).map_err(Failure::input)?;
    let component = if carries_world(&core) {
        componentize(&core).map_err(|error| crate::text::shown(&format!("{error:#}"), 500))
    } else {
        Err("it carries no world".to_owned())
    };
    component.map_err(|why| {
        Failure::input(format!("{} is no trader: {why}; link what wit-bindgen makes of sdk/wit/v1", file.display()))
    })
}

/// Whether it says what it imports and exports, as wit-bindgen has it say. Without that anything becomes a component, of nothing.
fn carries_world(core: &[u8]) -> bool {
    Parser::new(0).parse_all(core).any(|payload| {
        matches!(payload, Ok(Payload::CustomSection(section)) if section.name().starts_with("component-type"))
    })
}

fn tell(path: &Path, bytes: &[u8]) {
    print_line(format!("{} {} bytes sha256 {}", path.display(), bytes.len(), Digest::of(bytes)));
}
