//! What the official client cannot see of the stand-in: faults, keys by hand, dead connections, a database that restarts.

mod faults;
mod keys;
mod outages;
mod realtime;
mod requests;
mod support;
