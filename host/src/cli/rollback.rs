//! `vyx rollback`: a trader back onto what it ran before.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::project::{Deploy, Project, Target, Trader, Waiting, Wanted, block_on};
use crate::config::quoted;
use crate::supabase::{Filter, Query};
use crate::text::shown;

/// As many as the database keeps of a trader.
const HISTORY: usize = 100;
/// Digests that an error names.
const NAMED: usize = 5;

/// Sets a trader back to the module, and the parameters, that it had before.
///
/// A second rollback undoes the first; --to reaches further back. What runs is changed as by `vyx publish`, with the same keys, and
/// waited for in the same way.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx rollback --built-in \"Golden Cross\"
  vyx rollback --trader 5048128b --to 3fa9c1

Exit codes:
  0   it runs; or the trader is disabled, or nobody waited
  1   the host does not run it
  2   no such trader, not yours, or nothing to go back to
  78  the environment is misconfigured")]
pub(super) struct Args {
    #[command(flatten)]
    target: Target,
    /// The digest to go back to, or the first digits of it.
    #[arg(long, value_name = "DIGEST", value_parser = digits)]
    to: Option<String>,
    #[command(flatten)]
    waiting: Waiting,
    /// Print the result as one JSON object.
    #[arg(long)]
    json: bool,
}

fn digits(text: &str) -> Result<String, String> {
    let fits = (4..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    if fits { Ok(text.to_owned()) } else { Err("give 4 to 64 lowercase hexadecimal digits of a sha256".to_owned()) }
}

/// A version that a trader was set to.
#[derive(Debug, Clone, Deserialize)]
struct Entry {
    module_sha256: String,
    params: Map<String, Value>,
    set_at: String,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let project = Project::of_operator_or_author()?;
    block_on(async {
        let trader = args.target.find(&project).await?;
        let owner = trader.owner(&project)?;
        let query = Query::new("trader_module_history", "module_sha256,params,set_at")
            .filter(Filter::eq("trader_id", trader.id))
            .order("id.desc");
        let history: Vec<Entry> = project.tried(|| project.client.select(&query, HISTORY)).await?;
        let Entry { module_sha256, params, set_at } = choose(&trader, &history, args.to.as_deref())?;
        let wanted = Wanted { module_sha256, params };
        let beside = json!({ "set_before_at": set_at });
        let deploy = Deploy { project: &project, trader: &trader, owner, wanted, json: args.json, beside };
        deploy.run(&args.waiting).await
    })
}

/// The newest version that is meant.
fn choose(trader: &Trader, history: &[Entry], to: Option<&str>) -> Result<Entry, Failure> {
    let current = trader.module_sha256.as_deref();
    let mut others: Vec<&str> = Vec::new();
    for entry in history.iter().filter(|entry| Some(entry.module_sha256.as_str()) != current) {
        if !others.contains(&entry.module_sha256.as_str()) {
            others.push(&entry.module_sha256);
        }
    }
    let named = || {
        let short: Vec<String> = others.iter().take(NAMED).map(|digest| shown(digest, 12)).collect();
        if short.is_empty() { "it has run nothing else".to_owned() } else { format!("it has run {}", short.join(", ")) }
    };
    let name = trader.shown();
    let digest = match to {
        None => *others.first().ok_or_else(|| {
            let now = if current.is_some() { "nothing but what it runs now" } else { "no module yet" };
            Failure::input(format!("{name} has run {now}, so there is nothing to go back to; publish a module"))
        })?,
        Some(to) => {
            let found: Vec<&str> = others.iter().copied().filter(|digest| digest.starts_with(to)).collect();
            match *found.as_slice() {
                [one] => one,
                [] if current.is_some_and(|current| current.starts_with(to)) => {
                    return Err(Failure::input(format!("{name} is set to {} already; {}", quoted(to), named())));
                }
                [] => return Err(Failure::input(format!("{name} has never run {}; {}", quoted(to), named()))),
                _ => {
                    let reason = format!("--to {to} names several modules of {name}; give more digits");
                    return Err(Failure::input(reason));
                }
            }
        }
    };
    let entry = history.iter().find(|entry| entry.module_sha256 == digest);
    entry.cloned().ok_or_else(|| Failure::fault("the history has changed meanwhile; try again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trader(module: Option<&str>) -> Trader {
        serde_json::from_value(json!({
            "id": "73d7da06-0000-4000-8000-000000000001", "name": "Golden Cross", "is_built_in": true, "user_id": null,
            "enabled": true, "module_sha256": module, "params": {},
        }))
        .unwrap()
    }

    /// Digest and the parameter `n`, the newest first.
    fn history(entries: &[(&str, u32)]) -> Vec<Entry> {
        let entry = |(digest, n): &(&str, u32)| Entry {
            module_sha256: (*digest).to_owned(),
            params: Map::from_iter([("n".to_owned(), json!(n))]),
            set_at: String::new(),
        };
        entries.iter().map(entry).collect()
    }

    fn chosen(current: &str, entries: &[(&str, u32)], to: Option<&str>) -> Result<(String, Value), String> {
        let entry = choose(&trader(Some(current)), &history(entries), to);
        entry
            .map(|entry| (entry.module_sha256, entry.params["n"].clone()))
            .map_err(|failure| failure.message().unwrap().to_owned())
    }

    #[test]
    fn the_version_before_comes_with_the_parameters_it_last_had() {
        let entries = [("cccc", 4), ("cccc", 3), ("bbbb", 2), ("bbbb", 1), ("aaaa", 0)];
        assert_eq!(chosen("cccc", &entries, None), Ok(("bbbb".to_owned(), json!(2))));
        assert_eq!(chosen("cccc", &entries, Some("aaaa")), Ok(("aaaa".to_owned(), json!(0))));
    }

    #[test]
    fn a_second_rollback_undoes_the_first() {
        assert_eq!(chosen("bbbb", &[("bbbb", 1), ("cccc", 2), ("bbbb", 1)], None), Ok(("cccc".to_owned(), json!(2))));
    }

    #[test]
    fn where_there_is_nothing_to_go_back_to_it_says_so() {
        let error = chosen("aaaa", &[("aaaa", 0)], None).unwrap_err();
        assert!(error.contains("nothing to go back to"), "{error}");
        let entries = [("abcd1", 2), ("abcd2", 1), ("ffff", 0)];
        assert!(chosen("ffff", &entries, Some("abcd")).unwrap_err().contains("give more digits"));
        assert!(chosen("ffff", &entries, Some("ffff")).unwrap_err().contains("already"));
        assert!(chosen("ffff", &entries, Some("0000")).unwrap_err().contains("it has run abcd1, abcd2"));
    }
}
