//! TLS to the outside: who provides it, and why a certificate was refused.

use std::error::Error;
use std::io;

/// Makes ring the provider of TLS in this process, unless there is one already.
pub fn install() {
    // Fails only when a provider is installed, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Why there is no TLS, where that is what lies below an error.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> Option<&'static str> {
    match fault(error)? {
        rustls::Error::InvalidCertificate(_) => Some(
            "its certificate is not trusted; check the address, the clock of this machine and its root certificates \
             (package ca-certificates)",
        ),
        rustls::Error::InvalidMessage(_) => Some("it does not speak tls; check the address"),
        rustls::Error::AlertReceived(_) | rustls::Error::PeerIncompatible(_) | rustls::Error::PeerMisbehaved(_) => {
            Some("it refuses the tls of this host; check the address")
        }
        _ => Some("the tls connection broke"),
    }
}

/// Libraries wrap it, and what an `io::Error` wraps is not its source but itself.
fn fault<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    if let Some(fault) = error.downcast_ref() {
        return Some(fault);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let below = wrapped.map(|wrapped| wrapped as &(dyn Error + 'static)).or_else(|| error.source());
    below.and_then(fault)
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;

    #[test]
    fn a_refused_certificate_is_found_below_what_wraps_it() {
        let refused = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let wrapped = io::Error::other(io::Error::new(io::ErrorKind::InvalidData, refused));
        assert!(reason(&wrapped).unwrap().starts_with("its certificate is not trusted"));
        let plain = rustls::Error::InvalidMessage(rustls::InvalidMessage::InvalidContentType);
        assert!(
            reason(&io::Error::new(io::ErrorKind::InvalidData, plain)).unwrap().starts_with("it does not speak tls")
        );
        let refused = rustls::Error::AlertReceived(rustls::AlertDescription::HandshakeFailure);
        assert!(reason(&io::Error::other(refused)).unwrap().starts_with("it refuses the tls"));
        let broken = io::Error::new(io::ErrorKind::InvalidData, rustls::Error::DecryptError);
        assert_eq!(reason(&broken), Some("the tls connection broke"));
        assert_eq!(reason(&io::Error::from(io::ErrorKind::ConnectionRefused)), None);
    }
}
