//! The commands that speak to a project, as processes against the stand-in.

mod doctor;
mod host;
mod lists;
mod publish;
mod rollback;
mod verify;
mod world;
