//! A stand-in for Supabase over a real PostgreSQL.

pub mod cluster;
mod postgres;
pub mod sql;
mod template;
