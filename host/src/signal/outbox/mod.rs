//! The durable queue between the evaluation and the database (invariant 10). A signal is on disk before its candle counts as
//! done: signals and cursors of a delivery are one transaction of SQLite. A [`Sender`] drains it, with repeats where it must;
//! since an id is a function of what the signal says, a repeat does no harm.
//!
//! Two connections to one file: the evaluation writes through one while the sender reads and settles through the other.

mod cursor;
mod lane;
mod peek;
mod queue;
mod recent;
mod row;
mod schema;
mod sender;
mod status;
mod store;

pub use peek::{Peek, peek};
pub use queue::{Batch, Queued};
pub use recent::{Recent, State};
pub use row::{COLUMNS, Row, RowFault, Table};
pub use schema::{FILE_NAME, LOCK_NAME, OpenError};
pub use sender::{Deliver, DeliverError, Drained, Inserted, Refusal, Sender};
pub use status::{LaneStatus, SenderStatus, Trouble};
pub use store::{Bounds, Depth, Outbox, OutboxError};

/// Rows and bytes of one request: what the client sends. With more, it would refuse the batch itself.
pub use crate::supabase::timeouts::{BATCH_BYTES, BATCH_ROWS};

/// Rows that wait at most before the host stops evaluating: at ten signals a second, half a day.
pub const MAX_ROWS: u64 = 500_000;
/// Bytes of rows that wait at most: a quarter of the volume of 1 GB, whose rest is for the write-ahead log and modules.
pub const MAX_BYTES: u64 = 256 << 20;
/// Share of the bounds, in percent, from which on the outbox warns.
pub const NEARLY_FULL_PERCENT: u64 = 80;
/// Sent signals of each table that are remembered, to be shown and to be recognised when they come again.
pub const SENT_KEPT: u32 = 1_000;
/// Dead rows that are kept whole, to be looked at and sent by hand. Their counts stay when the oldest go.
pub const DEAD_KEPT: u32 = 2_000;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod model_tests;
