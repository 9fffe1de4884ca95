//! What the sender says of itself, for /health and metrics.

use serde::Serialize;

use super::Table;

/// Why the rows of a table do not get through at present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// The code of the last failure.
    pub code: String,
    /// The last failure in words.
    pub reason: String,
    /// Somebody has to mend something: the key, a grant, the schema. Otherwise it passes by itself.
    pub needs_mending: bool,
    /// When the failures began, UTC milliseconds.
    pub since_ms: i64,
}

/// What became of the rows of a table since the host started.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LaneStatus {
    /// Rows that the database did not have.
    pub new: u64,
    /// Rows that it had already: from a request whose answer was lost, or of another machine.
    pub duplicates: u64,
    /// Rows that it refused for good.
    pub dead: u64,
    /// Requests that failed and were tried again.
    pub retries: u64,
    /// Failures since the last success.
    pub failures_in_a_row: u32,
    /// When rows last got through, UTC milliseconds.
    pub last_success_ms: Option<i64>,
    /// Why rows do not get through.
    pub trouble: Option<Trouble>,
}

/// What the sender does.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct SenderStatus {
    /// Of live signals.
    pub signals: LaneStatus,
    /// Of historical ones.
    pub historical_signals: LaneStatus,
}

impl SenderStatus {
    /// Of one table.
    #[must_use]
    pub const fn of(&self, table: Table) -> &LaneStatus {
        match table {
            Table::Signals => &self.signals,
            Table::HistoricalSignals => &self.historical_signals,
        }
    }

    pub(super) const fn of_mut(&mut self, table: Table) -> &mut LaneStatus {
        match table {
            Table::Signals => &mut self.signals,
            Table::HistoricalSignals => &mut self.historical_signals,
        }
    }

    /// What somebody has to mend, live signals first: while there is something the host is not ready.
    #[must_use]
    pub fn needs_mending(&self) -> Option<(Table, &Trouble)> {
        Table::ALL.into_iter().find_map(|table| {
            let trouble = self.of(table).trouble.as_ref()?;
            trouble.needs_mending.then_some((table, trouble))
        })
    }
}
