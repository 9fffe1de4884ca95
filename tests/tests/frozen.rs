//! What is written down once and must not drift: the released ABI, and the documents that are made from code.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use vyx_host::config::variables_markdown;

const BEGIN: &str = "<!-- variables -->\n";
const END: &str = "<!-- /variables -->\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every file below a folder, by its path in it.
fn files(folder: &Path, below: &str) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(folder, &path));
        } else {
            found.push((path, fs::read(entry.path()).unwrap()));
        }
    }
    found
}

/// As `sha256sum` lists a folder, so that anybody can check it: `cd sdk/wit/v1 && sha256sum -c ../v1.sha256`.
fn sums(folder: &Path) -> String {
    let mut files = files(folder, "");
    files.sort();
    let sum = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    files.iter().map(|(path, bytes)| format!("{}  {path}\n", sum(bytes))).collect()
}

/// Modules of every released version are out there, and the host goes on serving them.
#[test]
fn a_released_abi_does_not_change() {
    let wit = root().join("sdk/wit");
    let mut versions = 0;
    for entry in fs::read_dir(&wit).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            let list = folder.with_extension("sha256");
            let frozen = fs::read_to_string(&list)
                .unwrap_or_else(|_| panic!("{} is missing; it holds:\n{}", list.display(), sums(&folder)));
            assert_eq!(
                sums(&folder),
                frozen,
                "{} changed: a released ABI never changes, add a function in a new folder with a new version",
                folder.display()
            );
            versions += 1;
        }
    }
    assert!(versions > 0, "no version of the ABI in {}", wit.display());
}

#[test]
fn the_documents_of_the_variables_have_the_table_that_the_host_makes() {
    for document in ["docs/configuration.md", "docs/deploy.md"] {
        let path = root().join(document);
        let text = fs::read_to_string(&path).unwrap();
        let (before, rest) = text.split_once(BEGIN).expect("the document has a place for the table");
        let (_, after) = rest.split_once(END).expect("the place for the table has an end");
        let made = format!("{before}{BEGIN}{}{END}{after}", variables_markdown());
        if std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1") {
            fs::write(&path, made).unwrap();
            continue;
        }
        assert_eq!(text, made, "{document} is out of date, run: UPDATE_DOCS=1 cargo test -p vyx-tests --test frozen");
    }
}

/// Every name of the WIT stands in the page about it, and what the page quotes is in the WIT.
#[test]
fn the_page_about_the_abi_says_what_the_wit_says() {
    let wit = fs::read_to_string(root().join("sdk/wit/v1/trader.wit")).unwrap();
    let page = fs::read_to_string(root().join("docs/abi.md")).unwrap();
    let code: Vec<&str> =
        wit.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("///")).collect();

    let mut quoted = 0;
    for block in page.split("```wit\n").skip(1) {
        let (block, _) = block.split_once("```").expect("a block ends");
        for line in block.lines().map(str::trim).filter(|line| !line.is_empty()) {
            assert!(code.contains(&line), "the page quotes a line that is not in the WIT: {line}");
            quoted += 1;
        }
    }
    assert!(quoted > 10, "the page quotes {quoted} lines");

    let mut names = 0;
    for line in code {
        let line = line.trim_end_matches('{').trim();
        let defined = ["interface ", "record ", "variant ", "enum ", "world "]
            .into_iter()
            .find_map(|keyword| line.strip_prefix(keyword))
            .or_else(|| line.split_once([':', '(', ',']).map(|(name, _)| name));
        let Some(name) = defined.map(str::trim).filter(|name| is_kebab(name)) else { continue };
        let is_there =
            page.contains(&format!("`{name}`")) || page.contains(&format!("{name}: func")) || name == "trader";
        assert!(is_there, "the page does not say what `{name}` is");
        names += 1;
    }
    assert!(names > 50, "{names} names were found in the WIT");
}

fn is_kebab(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
