//! TCP connections that can be cut at any moment, and a port that can be closed and opened again.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// One client's connection, seen from a handler.
#[derive(Clone)]
pub(crate) struct Peer(Arc<State>);

#[derive(Default)]
struct State {
    cut: AtomicBool,
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Peer {
    /// Closes the connection; nothing that was not sent before is sent any more.
    pub(crate) fn cut(&self) {
        self.0.cut.store(true, Ordering::SeqCst);
        self.0.reader.wake();
        self.0.writer.wake();
    }
}

/// Every connection that is open.
#[derive(Clone, Default)]
pub(crate) struct Peers(Arc<Mutex<Vec<Weak<State>>>>);

impl Peers {
    pub(crate) fn cut_all(&self) {
        let list = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for state in list.iter().filter_map(Weak::upgrade) {
            Peer(state).cut();
        }
    }

    fn add(&self, state: &Arc<State>) {
        let mut list = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        list.retain(|state| state.strong_count() > 0);
        list.push(Arc::downgrade(state));
    }
}

/// A port of the loopback interface that stays ours while nobody listens on it.
pub(crate) fn reserve(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    Ok(socket)
}

/// The listener of the stand-in; every connection that it accepts is entered in `peers`.
pub(crate) struct CuttableListener {
    pub(crate) listener: TcpListener,
    pub(crate) peers: Peers,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (CuttableStream, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Small frames are answered at once, as by a server on the same machine.
        let _ = stream.set_nodelay(true);
        let state = Arc::new(State::default());
        self.peers.add(&state);
        (CuttableStream { stream: Some(stream), state }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        Self(Arc::clone(&stream.io().state))
    }
}

pub(crate) struct CuttableStream {
    /// None once it was cut: the socket is closed as soon as whoever owns this is polled.
    stream: Option<TcpStream>,
    state: Arc<State>,
}

impl CuttableStream {
    fn open(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        if self.state.cut.load(Ordering::SeqCst) {
            self.stream = None;
        }
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::ConnectionReset.into())
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.state.reader.register(cx.waker());
        self.open()?.poll_read(cx, buf)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.state.writer.register(cx.waker());
        self.open()?.poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.open()?.poll_shutdown(cx)
    }
}
