//! The migrations on a real PostgreSQL: every rule, asked as the role that it is for.

mod access;
mod analysis;
mod cluster;
mod failures;
mod guard;
mod history;
mod migrations;
mod modules;
mod ownership;
mod selfcheck;
mod support;
mod toggles;
