//! The stand-in exchange, seen by plain clients.

mod archive;
mod closes;
mod connections;
mod requests;
mod rest;
mod socket;
mod support;
