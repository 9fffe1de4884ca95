//! The stand-in exchange, seen by plain clients.

mod archive;
mod rest;
mod socket;
mod support;
