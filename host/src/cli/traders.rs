//! `vyx traders`: the rows of the project, and what the hosts say of them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::project::{Column, Project, Table, block_on, owner_words, width};
use super::terminal::{grouped, print_line};
use crate::ids::{TraderId, UserId};
use crate::supabase::Query;
use crate::text::shown;

/// Digits of an id or a digest that tell it apart; `--trader` takes them.
const SHORT: usize = 8;

/// Lists traders: whether they run, with which module, and why not.
///
/// An operator sees all of them (SUPABASE_SERVICE_ROLE_KEY), an author the own ones and those built in (SUPABASE_PUBLISHABLE_KEY and
/// SUPABASE_USER_TOKEN). STATE is what the host last reported: `running`, `stopped`, `error`; `off` if the row is disabled, `none`
/// if no host has reported it, `old` if another module or the last good one runs instead of the row's.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  vyx traders
  vyx traders --all --json

Exit codes:
  0   done
  1   the project does not answer
  78  the environment is misconfigured")]
pub(super) struct Args {
    /// Disabled ones as well.
    #[arg(long)]
    all: bool,
    /// Print each trader as a JSON object on a line of its own.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Deserialize)]
struct Row {
    id: TraderId,
    name: String,
    is_built_in: Option<bool>,
    user_id: Option<UserId>,
    enabled: Option<bool>,
    module_sha256: Option<String>,
    params: Value,
}

#[derive(Debug, Deserialize)]
struct Said {
    trader_id: TraderId,
    state: Option<String>,
    last_error: Option<String>,
    signal_count: Option<u64>,
    updated_at: Option<String>,
    metadata: Option<Value>,
}

impl Said {
    fn module(&self) -> Option<&str> {
        self.metadata.as_ref()?.get("module_sha256")?.as_str()
    }
}

/// Columns of `traders` and of `trader_state`; both are read by their id.
const ROW: &str = "id,name,is_built_in,user_id,enabled,module_sha256,params";
const SAID: &str = "id,trader_id,state,last_error,signal_count,updated_at,metadata";

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let project = Project::of_operator_or_author()?;
    let (rows, said) = block_on(async {
        let (rows, said) = (Query::new("traders", ROW), Query::new("trader_state", SAID));
        let rows: Vec<Row> = project.tried(|| project.client.select_all(&rows)).await?;
        let said: Vec<Said> = project.tried(|| project.client.select_all(&said)).await?;
        Ok((rows, said))
    })?;
    let said: BTreeMap<TraderId, Said> = said.into_iter().map(|said| (said.trader_id, said)).collect();
    let all = rows.len();
    let mut rows: Vec<Row> = rows.into_iter().filter(|row| args.all || row.enabled != Some(false)).collect();
    let hidden = all - rows.len();
    // Those built in first, then by user and name.
    rows.sort_by(|a, b| (a.user_id, &a.name, a.id).cmp(&(b.user_id, &b.name, b.id)));
    if args.json {
        for row in &rows {
            print_line(object(row, said.get(&row.id)));
        }
        return Ok(());
    }
    for line in lines(&rows, &said, width()) {
        print_line(line);
    }
    if rows.is_empty() {
        print_line("no traders");
    }
    if hidden > 0 {
        let (traders, are) = if hidden == 1 { ("trader", "is") } else { ("traders", "are") };
        print_line(format!("{hidden} disabled {traders} {are} not shown, --all shows all"));
    }
    Ok(())
}

fn state<'a>(row: &Row, said: Option<&'a Said>) -> &'a str {
    match (row.enabled, said) {
        (Some(false), _) => "off",
        (_, None) => "none",
        (_, Some(said)) => match said.state.as_deref() {
            Some("running") if said.module() != row.module_sha256.as_deref() => "old",
            Some(state) => state,
            None => "none",
        },
    }
}

fn object(row: &Row, said: Option<&Said>) -> Value {
    json!({
        "id": row.id, "name": row.name, "is_built_in": row.is_built_in, "user_id": row.user_id, "enabled": row.enabled,
        "module_sha256": row.module_sha256, "params": row.params,
        "state": state(row, said),
        "reported_state": said.and_then(|said| said.state.as_deref()),
        "running_module_sha256": said.and_then(Said::module),
        "last_error": said.and_then(|said| said.last_error.as_deref()),
        "signals": said.and_then(|said| said.signal_count),
        "reported_at": said.and_then(|said| said.updated_at.as_deref()),
    })
}

fn lines(rows: &[Row], said: &BTreeMap<TraderId, Said>, width: usize) -> Vec<String> {
    let columns = [
        Column::left("ID"),
        Column::left("STATE"),
        Column::left("MODULE"),
        Column::right("SIGNALS"),
        Column::cut("NAME"),
    ];
    let mut table = Table::new(columns);
    let mut owner = None;
    for row in rows {
        let words = owner_words(row.is_built_in, row.user_id);
        if owner.as_ref() != Some(&words) {
            table.title(words.clone());
            owner = Some(words);
        }
        let said = said.get(&row.id);
        let short = |text: &str| shown(text, 200).chars().take(SHORT).collect::<String>();
        table.row([
            short(&row.id.to_string()),
            shown(state(row, said), 10),
            row.module_sha256.as_deref().map_or_else(|| "-".to_owned(), short),
            said.and_then(|said| said.signal_count).map_or_else(|| "-".to_owned(), grouped),
            shown(&row.name, 80),
        ]);
        // The last fault of a trader that is off is no news.
        let error = said.and_then(|said| said.last_error.as_deref()).filter(|_| row.enabled != Some(false));
        if let Some(error) = error {
            table.note(shown(error, 400));
        }
    }
    if rows.is_empty() { Vec::new() } else { table.lines(width) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> (Vec<Row>, BTreeMap<TraderId, Said>) {
        let (old, new) = ("aaaaaaaabbbb", "ccccccccdddd");
        let row = |id: u8, name: &str, user: Option<&str>, built_in: Option<bool>, enabled: bool| {
            serde_json::from_value::<Row>(json!({
                "id": format!("{id:08x}-0000-4000-8000-000000000001"), "name": name, "is_built_in": built_in,
                "user_id": user, "enabled": enabled, "module_sha256": new, "params": {},
            }))
            .unwrap()
        };
        let said = |id: u8, state: &str, module: Option<&str>, error: Option<&str>, signals: u64| {
            let said: Said = serde_json::from_value(json!({
                "trader_id": format!("{id:08x}-0000-4000-8000-000000000001"), "state": state, "last_error": error,
                "signal_count": signals, "updated_at": "2026-11-24T10:00:00Z", "metadata": {"module_sha256": module},
            }))
            .unwrap();
            (said.trader_id, said)
        };
        let user = "63eea370-27a1-4099-866a-e3ed340b278d";
        let rows = vec![
            row(1, "1m MACD Cross Below 40", None, Some(true), true),
            row(2, "Golden Cross", None, Some(true), true),
            row(3, "Volume Spike Detector", None, Some(true), false),
            row(4, "StochRSI Overbought Short\u{1b}[2J", Some(user), Some(false), true),
            row(5, "New", Some(user), Some(false), true),
            row(6, "Nobody's", Some(user), None, true),
        ];
        let said = BTreeMap::from([
            said(1, "running", Some(new), None, 12_345),
            said(
                2,
                "running",
                Some(old),
                Some(
                    "refused (imports): it imports wasi:io/streams, and a module may import the trader's interfaces only",
                ),
                7,
            ),
            said(3, "stopped", None, Some("old news"), 0),
            said(
                4,
                "error",
                None,
                Some("quarantined until its module or its parameters change, its last fault was \u{1b}[31mtrap"),
                0,
            ),
        ]);
        (rows, said)
    }

    #[test]
    fn the_table_of_a_narrow_terminal() {
        let (rows, said) = world();
        let lines = lines(&rows, &said, 60);
        assert!(lines.iter().all(|line| line.chars().count() <= 60), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_program_reads_what_is_told_and_what_is_meant() {
        let (rows, said) = world();
        let states: Vec<&str> = rows.iter().map(|row| state(row, said.get(&row.id))).collect();
        assert_eq!(states, ["running", "old", "off", "error", "none", "none"]);
        let object = object(&rows[1], said.get(&rows[1].id));
        assert_eq!(object["reported_state"], "running");
        assert_eq!(object["running_module_sha256"], "aaaaaaaabbbb");
    }
}
