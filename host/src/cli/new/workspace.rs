//! Whether a folder will be a member of a cargo workspace around it.

use std::path::Path;

use toml::{Table, Value};

/// Whether the nearest workspace around `folder` names it as a member. If not, the crate has to say that it is its own
/// workspace, or cargo refuses to build it; if so, it must not.
pub(super) fn takes_in(folder: &Path) -> bool {
    folder.ancestors().skip(1).find_map(|root| Some((root, workspace_in(root)?))).is_some_and(|(root, workspace)| {
        let listed =
            |key: &str| workspace.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let Ok(below) = folder.strip_prefix(root) else { return false };
        // What is excluded is excluded with all that lies in it.
        listed("members").any(|pattern| fits(pattern, below)) && !listed("exclude").any(|path| below.starts_with(path))
    })
}

fn workspace_in(folder: &Path) -> Option<Value> {
    let manifest: Table = std::fs::read_to_string(folder.join("Cargo.toml")).ok()?.parse().ok()?;
    manifest.get("workspace").cloned()
}

/// `plugins/*` or `plugins/mine`, part by part.
fn fits(pattern: &str, path: &Path) -> bool {
    let mut parts = path.components();
    let all = pattern.split('/').filter(|part| !part.is_empty() && *part != ".").all(|wanted| {
        let Some(part) = parts.next() else { return false };
        let part = part.as_os_str().to_string_lossy();
        match wanted.split_once('*') {
            None => part == wanted,
            Some((begin, end)) => {
                part.len() >= begin.len() + end.len() && part.starts_with(begin) && part.ends_with(end)
            }
        }
    });
    all && parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_told_from_a_neighbour() {
        let temp = tempfile::tempdir().unwrap();
        let manifest =
            "[workspace]\nmembers = [\"plugins/*\", \"host\"]\nexclude = [\"plugins/old\", \"plugins/attic/\"]\n";
        std::fs::write(temp.path().join("Cargo.toml"), manifest).unwrap();
        let takes_in = |below: &str| takes_in(&temp.path().join(below));
        assert!(takes_in("plugins/mine") && takes_in("host"));
        assert!(
            !takes_in("mine")
                && !takes_in("plugins/mine/inner")
                && !takes_in("plugins/old")
                && !takes_in("plugins/attic")
        );
    }
}
