use std::fs;
use std::sync::Mutex;

use tempfile::TempDir;

use super::*;
use crate::config::Identity;

const USER: &str = "63eea370-27a1-4099-866a-e3ed340b278d";

/// A folder with a registry, whose crates "build" to the text of their `src/lib.rs`, or fail with it if it says `error`.
struct Folder {
    temp: TempDir,
    registry: DirectoryRegistry,
    built: Arc<Mutex<Vec<String>>>,
}

impl Folder {
    fn new(traders: &str) -> Self {
        let temp = TempDir::new().unwrap();
        fs::write(temp.path().join(FILE_NAME), traders).unwrap();
        let built = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&built);
        let build = move |path: &Path| {
            log.lock().unwrap().push(path.file_name().unwrap().to_string_lossy().into_owned());
            let source = fs::read_to_string(path.join("src/lib.rs"))?;
            anyhow::ensure!(!source.contains("error"), "warning\n{source}");
            Ok(source.into_bytes())
        };
        let registry = DirectoryRegistry::open(temp.path(), Box::new(build)).unwrap();
        Self { temp, registry, built }
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.temp.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn add_crate(&self, name: &str, source: &str) {
        self.write(&format!("{name}/Cargo.toml"), "");
        self.write(&format!("{name}/src/lib.rs"), source);
    }

    fn snapshot(&mut self) -> Snapshot {
        self.registry.snapshot().unwrap()
    }

    fn only_reason(&mut self) -> String {
        let traders = self.snapshot().traders;
        let [Err(invalid)] = traders.as_slice() else { panic!("not one invalid row: {traders:?}") };
        invalid.reason.clone()
    }

    fn built(&self) -> Vec<String> {
        std::mem::take(&mut self.built.lock().unwrap())
    }
}

fn trader(n: u8, module: &str, lines: &str) -> String {
    let id = uuid::Uuid::from_u128(u128::from(n));
    format!("[[traders]]\nid = '{id}'\nname = 't{n}'\nmodule = '{module}'\n{lines}\n")
}

fn built_in(n: u8, module: &str) -> String {
    trader(n, module, "is_built_in = true")
}

fn digest_of(snapshot: &Snapshot, at: usize) -> Digest {
    snapshot.traders[at].as_ref().unwrap().module.as_ref().unwrap().digest
}

#[test]
fn modules_are_named_by_their_bytes() {
    let mut folder = Folder::new(&(built_in(1, "one.wasm") + &built_in(2, "./sub/two.wasm") + &built_in(3, "three")));
    folder.write("one.wasm", "one");
    folder.write("sub/two.wasm", "two");
    folder.add_crate("three", "three");
    let snapshot = folder.snapshot();
    for (at, (bytes, place)) in [("one", "one.wasm"), ("two", "./sub/two.wasm"), ("three", "three")].iter().enumerate()
    {
        let module = snapshot.traders[at].as_ref().unwrap().module.clone().unwrap();
        assert_eq!(module, ModuleRef { digest: Digest::of(bytes.as_bytes()), place: (*place).to_owned() });
        assert_eq!(folder.registry.module(&module).unwrap(), bytes.as_bytes());
    }
    assert_eq!(snapshot.problems, [""; 0]);
}

#[test]
fn what_was_hashed_is_what_is_handed_out() {
    let mut folder = Folder::new(&built_in(1, "one.wasm"));
    folder.write("one.wasm", "old");
    let old = folder.snapshot().traders[0].clone().unwrap().module.unwrap();
    folder.write("one.wasm", "new");
    assert_eq!(folder.registry.module(&old).unwrap(), b"old");
    assert_eq!(digest_of(&folder.snapshot(), 0), Digest::of(b"new"));
    let error = folder.registry.module(&old).unwrap_err().to_string();
    assert!(error.starts_with("module \"one.wasm\" is no longer "), "{error}");
}

#[test]
fn a_module_stays_in_the_folder() {
    for path in ["../one.wasm", "sub/../../one.wasm", "/etc/hostname", "sub/../one.wasm"] {
        let reason = Folder::new(&built_in(1, path)).only_reason();
        assert!(reason.starts_with(&format!("module \"{path}\" leaves the folder; it must stay")), "{reason}");
    }
    let reason = Folder::new(&built_in(1, "")).only_reason();
    assert!(reason.contains("names nothing"), "{reason}");
}

#[test]
fn the_folder_itself_may_be_the_crate_and_is_built_again_when_its_source_changes() {
    let mut folder = Folder::new(&built_in(1, "."));
    folder.write("Cargo.toml", "");
    folder.write("src/lib.rs", "here");
    assert_eq!(digest_of(&folder.snapshot(), 0), Digest::of(b"here"));
    assert_eq!(folder.built().len(), 1);
    for unrelated in ["traders.toml", "signals.jsonl", "report.html", "target/x.rs", "candles/BTCUSDT-5m.csv"] {
        folder.registry.invalidate(&folder.temp.path().canonicalize().unwrap().join(unrelated));
        folder.snapshot();
        assert_eq!(folder.built(), [""; 0], "{unrelated}");
    }
    for source in ["src/lib.rs", "src/table.csv", "Cargo.toml", ""] {
        folder.registry.invalidate(Path::new(source));
        folder.snapshot();
        assert_eq!(folder.built().len(), 1, "{source}");
    }
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("one.wasm"), "one").unwrap();
    fs::write(outside.path().join("Cargo.toml"), "").unwrap();
    for (link, target) in [("one.wasm", outside.path().join("one.wasm")), ("dir", outside.path().to_owned())] {
        let mut folder = Folder::new(&built_in(1, link));
        std::os::unix::fs::symlink(&target, folder.temp.path().join(link)).unwrap();
        let reason = folder.only_reason();
        assert!(reason.contains("cannot be opened: it leads out of the folder"), "{reason}");
        assert!(folder.built().is_empty());
    }
}

#[test]
fn what_is_not_a_module_says_so() {
    let mut folder = Folder::new(&built_in(1, "thing"));
    assert!(folder.only_reason().contains("cannot be opened: it is not there; name a .wasm file or a crate"));
    folder.write("thing", "");
    assert!(folder.only_reason().contains("is neither a .wasm file nor a crate"));
    fs::remove_file(folder.temp.path().join("thing")).unwrap();
    folder.write("thing/readme", "");
    assert!(folder.only_reason().contains("is a folder without Cargo.toml"));
}

#[test]
fn a_huge_module_is_not_read() {
    let mut folder = Folder::new(&built_in(1, "one.wasm"));
    folder.write("one.wasm", "");
    let file = fs::File::options().write(true).open(folder.temp.path().join("one.wasm")).unwrap();
    file.set_len(MAX_MODULE_BYTES + 1).unwrap();
    assert_eq!(folder.only_reason(), "module \"one.wasm\" cannot be read: it is larger than 64 MiB");
}

#[test]
fn a_crate_is_built_once_until_it_changes() {
    let mut folder = Folder::new(&(built_in(1, "one") + &built_in(2, "two") + &built_in(3, "one")));
    folder.add_crate("one", "v1");
    folder.add_crate("two", "v1");
    folder.snapshot();
    folder.snapshot();
    assert_eq!(folder.built(), ["one", "two"]);

    folder.add_crate("one", "v2");
    let root = folder.registry.root().to_owned();
    for unrelated in ["one/target/debug/x.rs", "target/x.rs", "signals.jsonl", "traders.toml", ".git/x", "onerous/x"] {
        folder.registry.invalidate(&root.join(unrelated));
        folder.snapshot();
        assert_eq!(folder.built(), [""; 0], "{unrelated}");
    }
    folder.registry.invalidate(&root.join("one/src/lib.rs"));
    assert_eq!(digest_of(&folder.snapshot(), 0), Digest::of(b"v2"));
    assert_eq!(folder.built(), ["one"]);
    for everything in [root.clone(), "".into(), root.join("common/src/lib.rs"), "Cargo.toml".into()] {
        folder.registry.invalidate(&everything);
        folder.snapshot();
        assert_eq!(folder.built(), ["one", "two"], "{}", everything.display());
    }
}

#[test]
fn a_failed_build_shows_the_last_lines_and_is_not_repeated() {
    let mut folder = Folder::new(&(built_in(1, "one") + &built_in(2, "two.wasm")));
    folder.write("two.wasm", "two");
    let noise: String = (0..50).map(|n| format!("line {n}\n")).collect();
    folder.add_crate("one", &format!("{noise}error: \u{1b}[31mexpected `;`\n"));
    for _ in 0..2 {
        let traders = folder.snapshot().traders;
        let [Err(invalid), Ok(_)] = traders.as_slice() else { panic!("{traders:?}") };
        assert_eq!(invalid.reason.lines().count(), 1 + COMPILER_LINES);
        assert!(invalid.reason.starts_with("crate \"one\" does not build; correct it:\nline 31\n"), "{invalid}");
        assert!(invalid.reason.ends_with("line 49\nerror: \\u{1b}[31mexpected `;`"), "{invalid}");
    }
    assert_eq!(folder.built(), ["one"]);
}

#[test]
fn the_last_good_build_runs_on_while_a_crate_is_broken() {
    let mut folder = Folder::new(&(built_in(1, "one") + &built_in(2, "one")));
    folder.add_crate("one", "good");
    folder.snapshot();
    folder.add_crate("one", "error: oh");
    folder.registry.invalidate(Path::new("one/src/lib.rs"));
    let snapshot = folder.snapshot();
    assert_eq!(digest_of(&snapshot, 0), Digest::of(b"good"));
    let problem = "crate \"one\" does not build, so its last good build runs on:\nwarning\nerror: oh";
    assert_eq!(snapshot.problems, [problem]);
    folder.add_crate("one", "better");
    folder.registry.invalidate(Path::new("one"));
    let snapshot = folder.snapshot();
    assert_eq!((digest_of(&snapshot, 1), snapshot.problems.len()), (Digest::of(b"better"), 0));
}

#[test]
fn what_cannot_run_is_neither_read_nor_built() {
    let mine = format!("user_id = '{USER}'");
    let app = format!("[[user_fly_apps]]\nid = '{USER}'\nuser_id = '{USER}'\nfly_app_name = 'mine'\n");
    let traders = built_in(1, "one")
        + &trader(2, "two", &mine)
        + &trader(3, "../three", "is_built_in = true\nenabled = false")
        + &trader(4, "four", "");
    let mut folder = Folder::new(&(traders + &app));
    for name in ["one", "two", "four"] {
        folder.add_crate(name, name);
    }
    let modules = |folder: &mut Folder| {
        let traders = folder.snapshot().traders;
        let modules: Vec<_> = traders.into_iter().map(|row| row.unwrap().module.is_some()).collect();
        (modules, folder.built())
    };
    let env = |mode: &'static str, user: Option<&'static str>| {
        let set = move |name: &str| match name {
            "RUN_MODE" => Some(mode.into()),
            "USER_ID" => user.map(Into::into),
            _ => user.map(|_| "mine".into()),
        };
        Identity::required(set).unwrap()
    };
    let apps = folder.registry.user_fly_apps().unwrap();
    folder.registry.set_scope(Scope::resolve(&env("shared_backend", None), &apps).unwrap());
    assert_eq!(modules(&mut folder), (vec![true, false, false, false], vec!["one".to_owned()]));
    folder.registry.set_scope(Scope::resolve(&env("user_dedicated", Some(USER)), &apps).unwrap());
    assert_eq!(modules(&mut folder), (vec![false, true, false, false], vec!["two".to_owned()]));
    folder.registry.set_scope(Scope::local());
    assert_eq!(modules(&mut folder), (vec![true, true, false, false], vec![]));
}

#[test]
fn a_folder_without_traders_says_what_it_should_hold() {
    let temp = TempDir::new().unwrap();
    let open = |path: &Path| DirectoryRegistry::open(path, Box::new(|_| anyhow::bail!("no crate here")));
    let error = open(temp.path()).unwrap().snapshot().unwrap_err().to_string();
    assert!(error.contains("traders.toml\": it is not there; a folder of traders holds"), "{error}");
    assert!(error.ends_with(entry::EXAMPLE), "{error}");
    let error = open(&temp.path().join("none")).map(|_| ()).unwrap_err().to_string();
    assert!(error.starts_with("cannot open the folder ") && error.contains("it is not there"), "{error}");
    fs::write(temp.path().join("file"), "").unwrap();
    let error = open(&temp.path().join("file")).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("not a directory"), "{error}");
    fs::create_dir(temp.path().join(FILE_NAME)).unwrap();
    let error = open(temp.path()).unwrap().snapshot().unwrap_err().to_string();
    assert!(error.contains("it is not a file"), "{error}");
}

#[test]
fn a_broken_file_is_an_error_until_it_is_whole_again() {
    let mut folder = Folder::new("[[traders]]\nid = ");
    assert!(folder.registry.snapshot().unwrap_err().to_string().starts_with("traders.toml line 2: "));
    folder.write(FILE_NAME, [0xff]);
    assert_eq!(folder.registry.snapshot().unwrap_err().to_string(), "traders.toml is not utf-8 text; save it as such");
    folder.write(FILE_NAME, vec![b' '; MAX_FILE_BYTES as usize + 1]);
    assert!(folder.registry.snapshot().unwrap_err().to_string().contains("it is larger than 4 MiB"));
    folder.write(FILE_NAME, "");
    assert_eq!(folder.snapshot(), Snapshot::default());
}
