//! `vyx new`: a crate with a trader that builds, is tested and runs.

mod name;
mod sdk;
mod template;
mod workspace;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use uuid::Uuid;

use super::cargo;
use super::failure::Failure;
use super::terminal::print_line;
use name::Name;
use sdk::Sdk;
use template::{Filling, Template};

/// Makes a crate with a trader in a new folder: source, native tests, candles, and the signals that it gives on them.
///
/// It depends on nothing but the SDK. Which one is said, and can be chosen with --sdk; by default it is that of the checkout
/// that the command is run in or comes from, and otherwise the released one of this version.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx new my-trader
  vyx new btc-outrun --template multi-symbol --sdk ../vyx/sdk")]
pub(super) struct Args {
    /// Name of the crate and of its folder: letters a to z, digits, - and _.
    #[arg(value_name = "NAME")]
    name: String,
    /// What to begin with.
    #[arg(long, value_enum, default_value_t = Template::SingleInterval)]
    template: Template,
    /// The SDK: the folder of a checkout, or a version.
    #[arg(long, value_name = "PATH|VERSION")]
    sdk: Option<String>,
    /// Print what was made as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let name = Name::parse(&args.name).map_err(Failure::input)?;
    let here = std::env::current_dir().map_err(|error| {
        Failure::input(format!("the current folder cannot be read: {error}; change to another one"))
    })?;
    let folder = here.join(name.as_str());
    let sdk = match &args.sdk {
        Some(given) => Sdk::given(given, &here),
        None => Ok(Sdk::nearest(&here)),
    };
    let sdk = sdk.map_err(Failure::input)?;
    let filling = Filling {
        name: &name,
        id: Uuid::new_v4(),
        sdk: sdk.dependency(&folder).map_err(Failure::input)?,
        is_own_workspace: !workspace::takes_in(&folder),
    };
    let files = args.template.files(&filling);
    write(&folder, &files).map_err(Failure::input)?;
    let made = Made { args, name: &name, sdk: &sdk, files: files.iter().map(|(path, _)| *path).collect() };
    if args.json {
        made.print_json()
    } else {
        made.print()
    }
    Ok(())
}

/// Makes the folder, and fails if there is anything of that name: what somebody has is never touched.
fn write(folder: &Path, files: &[(&str, String)]) -> Result<(), String> {
    std::fs::create_dir(folder).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            format!("{} exists already; choose another name, or move it away", folder.display())
        }
        _ => format!("cannot make the folder {}: {error}; run this where you may write", folder.display()),
    })?;
    for (path, text) in files {
        let path = folder.join(path);
        let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
            let mut file = std::fs::File::create_new(&path)?;
            file.write_all(text.as_bytes())
        });
        written.map_err(|error| {
            let folder = folder.display();
            format!("cannot write {}: {error}; {folder} is not complete, remove it and try again", path.display())
        })?;
    }
    Ok(())
}

/// What was made, to be told.
struct Made<'a> {
    args: &'a Args,
    name: &'a Name,
    sdk: &'a Sdk,
    files: Vec<&'a str>,
}

impl Made<'_> {
    fn print(&self) {
        print_line(format!("created  {}, from the template {}", self.name.as_str(), self.args.template.as_str()));
        print_line(format!("sdk      {}", self.sdk));
        print_line("         another one: `vyx-sdk` in Cargo.toml, or --sdk PATH|VERSION next time");
        match cargo::has_target() {
            Ok(()) => print_line(format!("target   {}, which is installed", cargo::TARGET)),
            Err(missing) => print_line(format!("target   {missing}")),
        }
        print_line("\nnext:");
        for (command, what) in self.next() {
            print_line(format!("  {command:<27}  {what}").trim_end());
        }
    }

    fn print_json(&self) {
        let next: Vec<String> = self.next().into_iter().map(|(command, _)| command).collect();
        print_line(json!({
            "name": self.name.as_str(),
            "folder": PathBuf::from(self.name.as_str()),
            "template": self.args.template.as_str(),
            "sdk": self.sdk.json(),
            "target": cargo::TARGET,
            "target_is_installed": cargo::has_target().is_ok(),
            "files": self.files,
            "next": next,
        }));
    }

    fn next(&self) -> Vec<(String, &'static str)> {
        let candles = self.args.template.candles().join(" ");
        vec![
            (format!("cd {}", self.name.as_str()), ""),
            ("cargo test".into(), "# the rule, without WebAssembly"),
            (format!("vyx test . --candles {candles} --golden golden.jsonl"), "# its signals, as a host gives them"),
            ("vyx dev .".into(), "# on a made-up market; every edit takes effect at once"),
            ("vyx check .".into(), "# what a host says of it"),
            ("vyx publish . --trader ID".into(), "# onto a trader of yours"),
        ]
    }
}
