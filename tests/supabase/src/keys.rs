//! The keys of the project: legacy JWTs, opaque keys, and tokens of users. All are made anew for every stand-in.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// PostgREST and the others allow this much difference between clocks.
const CLOCK_SKEW_S: u64 = 30;

/// Ten years, as the legacy keys live.
const KEY_LIFE_S: u64 = 10 * 365 * 24 * 3600;

pub(crate) struct Keys {
    secret: Vec<u8>,
    pub(crate) service_jwt: String,
    pub(crate) anon_jwt: String,
    pub(crate) service_secret: String,
    pub(crate) publishable: String,
}

/// Why a token is not valid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// It has not three parts but this many.
    Parts(usize),
    /// It is no base64url, no JSON, or not signed with HS256.
    Malformed,
    Signature,
    Expired,
    NotYetValid,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let secret = random().into_bytes();
        let legacy = |role: &str| {
            let claims = json!({"iss": "supabase-demo", "role": role, "iat": now_s(), "exp": now_s() + KEY_LIFE_S});
            sign(&secret, &claims)
        };
        let opaque = |kind: &str| format!("sb_{kind}_{}_{}", &random()[..22], &random()[..8]);
        Self {
            service_jwt: legacy("service_role"),
            anon_jwt: legacy("anon"),
            service_secret: opaque("secret"),
            publishable: opaque("publishable"),
            secret,
        }
    }

    /// The role that an opaque key stands for.
    pub(crate) fn opaque_role(&self, key: &str) -> Option<&'static str> {
        if key == self.service_secret {
            Some("service_role")
        } else if key == self.publishable {
            Some("anon")
        } else {
            None
        }
    }

    pub(crate) fn is_legacy(&self, key: &str) -> bool {
        key == self.service_jwt || key == self.anon_jwt
    }

    /// The short-lived token that the gateway puts in the place of an opaque key.
    pub(crate) fn mint(&self, role: &str, life_s: u64) -> String {
        self.sign(&json!({"iss": "supabase", "role": role, "iat": now_s(), "exp": now_s() + life_s}))
    }

    pub(crate) fn user(&self, user_id: Uuid) -> String {
        let claims = json!({
            "iss": "supabase", "aud": "authenticated", "role": "authenticated", "sub": user_id,
            "iat": now_s(), "exp": now_s() + 3600,
        });
        self.sign(&claims)
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        sign(&self.secret, claims)
    }

    /// The claims of a token that is well-formed, signed by this project, and valid now.
    pub(crate) fn verify(&self, token: &str) -> Result<Value, TokenError> {
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts[..] else {
            return Err(TokenError::Parts(parts.len()));
        };
        let object = |part: &str| -> Option<Value> {
            let value = serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()?;
            value.is_object().then_some(value)
        };
        let header_claims = object(header).ok_or(TokenError::Malformed)?;
        let claims = object(payload).ok_or(TokenError::Malformed)?;
        if header_claims["alg"] != "HS256" {
            return Err(TokenError::Malformed);
        }
        if mac(&self.secret, &format!("{header}.{payload}")) != signature {
            return Err(TokenError::Signature);
        }
        if claims["exp"].as_u64().is_some_and(|exp| exp + CLOCK_SKEW_S < now_s()) {
            return Err(TokenError::Expired);
        }
        if claims["nbf"].as_u64().is_some_and(|nbf| nbf > now_s() + CLOCK_SKEW_S) {
            return Err(TokenError::NotYetValid);
        }
        Ok(claims)
    }
}

pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |duration| duration.as_secs())
}

fn sign(secret: &[u8], claims: &Value) -> String {
    let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let signature = mac(secret, &format!("{header}.{payload}"));
    format!("{header}.{payload}.{signature}")
}

/// HMAC-SHA256 (RFC 2104), base64url. The secret is 64 bytes, one block, so that it is never hashed or cut.
fn mac(secret: &[u8], message: &str) -> String {
    let mut block = [0_u8; 64];
    block[..secret.len()].copy_from_slice(secret);
    let keyed = |pad: u8| Sha256::new_with_prefix(block.map(|byte| byte ^ pad));
    let inner = keyed(0x36).chain_update(message).finalize();
    URL_SAFE_NO_PAD.encode(keyed(0x5c).chain_update(inner).finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mac_is_that_of_rfc_4231() {
        let bytes = URL_SAFE_NO_PAD.decode(mac(b"Jefe", "what do ya want for nothing?")).unwrap();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_token_is_valid_for_its_project_and_time_only() {
        let keys = Keys::new();
        assert_eq!(keys.verify(&keys.service_jwt).unwrap()["role"], "service_role");
        assert_eq!(Keys::new().verify(&keys.service_jwt), Err(TokenError::Signature));
        assert_eq!(keys.verify(&keys.service_secret), Err(TokenError::Parts(1)));
        let ended = now_s() - CLOCK_SKEW_S - 1;
        assert_eq!(keys.verify(&keys.sign(&json!({"exp": ended}))), Err(TokenError::Expired));
        assert!(keys.verify(&keys.sign(&json!({"exp": now_s() - 1}))).is_ok());
    }
}
