//! The addresses of production are `https` and `wss`: the same host, with TLS before both stand-ins.

use std::process::Command;
use std::sync::Arc;

use rustix::process::Signal;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use vyx_exchange::{Exchange, Setup};

use crate::process::beside;
use crate::world::{Trader, World, runtime};

const PULSE: &str = "73d7da06-0000-4000-8000-000000000001";

/// An authority that nobody knows but who is told of it.
struct Authority {
    pem: String,
    config: Arc<ServerConfig>,
}

impl Authority {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        Self { pem: made.cert.pem(), config: Arc::new(config) }
    }

    /// Serves with TLS what is served at this address without: the new address, as host and port.
    fn before(&self, url: &str) -> String {
        let (_, plain) = url.split_once("://").unwrap();
        let plain = plain.trim_end_matches('/').to_owned();
        let acceptor = TlsAcceptor::from(self.config.clone());
        let listener = runtime().block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime().spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (acceptor, plain) = (acceptor.clone(), plain.clone());
                tokio::spawn(async move {
                    // Whoever does not trust the certificate goes away.
                    let Ok(mut outside) = acceptor.accept(socket).await else { return };
                    let Ok(mut inside) = TcpStream::connect(plain).await else { return };
                    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
                });
            }
        });
        address.to_string()
    }
}

#[test]
fn a_host_reaches_project_and_exchange_over_tls() {
    let (world, authority) = (World::new(), Authority::new());
    world.add(Trader::built_in(PULSE, "Pulse", "pulse"));
    let start_ms = jiff::Timestamp::now().as_millisecond() + 3_600_000;
    let exchange = Exchange::start(Setup::new(&["BTCUSDT", "ETHUSDT"], start_ms, 60.0));
    let roots = world.dir.path().join("roots.pem");
    std::fs::write(&roots, &authority.pem).unwrap();
    let host = || {
        world
            .shared()
            .without("FEED")
            .without("FEED_SPEED")
            .env("SUPABASE_URL", &format!("https://{}", authority.before(&world.standin.url())))
            .env("BINANCE_API_URL", &format!("https://{}", authority.before(&exchange.rest_url())))
            .env("BINANCE_WS_URL", &format!("wss://{}", authority.before(&exchange.ws_url())))
    };
    let mut running = host().env("SSL_CERT_FILE", roots.to_str().unwrap()).start();
    running.wait_for_realtime();
    running.wait_until_ready();
    let signals = "select count(*) from signals";
    world.wait_for("signals", signals, |count| count >= 6);
    world.enable(PULSE, false);
    running.wait_for("stopped, as it was disabled or deleted");
    assert!(!exchange.journal().connections.is_empty(), "the streams came over wss");
    let (code, log) = running.end(Signal::TERM);
    assert_eq!(code, 0, "{log}");

    // Somebody else's certificate: nothing is sent to it, the key least of all.
    let asked = world.standin.requests().len();
    let stranger = world.dir.path().join("stranger.pem");
    std::fs::write(&stranger, Authority::new().pem).unwrap();
    let mut running = host().env("SSL_CERT_FILE", stranger.to_str().unwrap()).start_unheard();
    running.wait_for("certificate");
    drop(running);
    assert_eq!(world.standin.requests().len(), asked);

    // The same in the place of the exchange.
    let asked = exchange.journal().requests.len();
    let mut running = host()
        .env("SUPABASE_URL", &world.standin.url())
        .env("SSL_CERT_FILE", stranger.to_str().unwrap())
        .start_unheard();
    running.wait_for("its certificate is not trusted");
    drop(running);
    assert_eq!(exchange.journal().requests.len(), asked);
}

/// An operator whose machine does not know the certificate of a host.
#[test]
fn verify_tells_a_certificate_that_is_not_trusted() {
    let (world, authority) = (World::new(), Authority::new());
    let running = world.shared().start();
    running.wait_until_ready();
    let host = format!("https://{}", authority.before(&format!("http://127.0.0.1:{}", running.port)));
    let verify = |roots: &str| {
        let path = world.dir.path().join("roots.pem");
        std::fs::write(&path, roots).unwrap();
        let mut command = Command::new(beside("VYX_BIN", "debug/vyx"));
        command.args(["verify", "--shared", &host]).env_clear().env("SSL_CERT_FILE", path);
        command.env("DATA_DIR", world.dir.path().join("verify"));
        command.env("SUPABASE_URL", world.standin.url());
        command.env("SUPABASE_SERVICE_ROLE_KEY", world.standin.service_secret());
        let output = command.output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let refused = verify(&Authority::new().pem);
    assert!(refused.contains("/health does not answer: its certificate is not trusted"), "{refused}");
    let trusted = verify(&authority.pem);
    assert!(!trusted.contains("does not answer"), "{trusted}");
}
