//! SIGTERM and SIGINT, which mean the same: Fly sends either.

use std::io;

use tokio::sync::watch;

/// Told when the host must end.
pub(super) struct Ending(watch::Receiver<bool>);

impl Ending {
    /// Listens from now on. A second signal ends the process at once.
    pub(super) fn listen() -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (tell, told) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            tell.send_replace(true);
            signals.next().await;
            tracing::warn!("told to end a second time");
            std::process::exit(130);
        });
        Ok(Self(told))
    }

    /// Comes when the host must end.
    pub(super) async fn comes(&mut self) {
        // The task that tells never ends before it has.
        let _ = self.0.wait_for(|told| *told).await;
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}
