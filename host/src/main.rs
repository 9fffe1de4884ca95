//! The `vyx` command.

fn main() -> std::process::ExitCode {
    vyx_host::cli::main()
}
