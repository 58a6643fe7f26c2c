//! Tokens of an application's sign-in, with keys that are made here.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rsa::pkcs1::{EncodeRsaPrivateKey as _, EncodeRsaPublicKey as _};
use rsa::rand_core::{CryptoRng, Error, RngCore};
use serde_json::{Value, json};

use crate::place::{NOW, at};

pub(crate) const ISSUER: &str = "https://project.supabase.example/auth/v1";
pub(crate) const SECRET: &str = "a secret of the application's sign-in, for tests";

/// The randomness of the system, for a crate that knows an older trait.
struct System;

impl RngCore for System {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).unwrap();
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for System {}

/// A key that signs, and its public half as a set of keys has it.
#[derive(Clone)]
pub(crate) struct Signer {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
    pub(crate) kid: String,
    pub(crate) public: Value,
}

impl Signer {
    fn new(algorithm: Algorithm, key: EncodingKey, kid: &str) -> Self {
        let mut public = serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).unwrap()).unwrap();
        public["kid"] = kid.into();
        Self { algorithm, key, kid: kid.to_owned(), public }
    }

    pub(crate) fn ec(kid: &str) -> Self {
        // PKCS #8: a key on P-256, without its public half.
        let mut der = vec![
            0x30, 0x41, 2, 1, 0, 0x30, 0x13, 6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86,
            0x48, 0xce, 0x3d, 3, 1, 7, 4, 0x27, 0x30, 0x25, 2, 1, 1, 4, 0x20,
        ];
        der.extend(random());
        Self::new(Algorithm::ES256, EncodingKey::from_ec_der(&der), kid)
    }

    pub(crate) fn ed(kid: &str) -> Self {
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend(random());
        Self::new(Algorithm::EdDSA, EncodingKey::from_ed_der(&der), kid)
    }

    pub(crate) fn secret() -> Self {
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        Self { algorithm: Algorithm::HS256, key, kid: String::new(), public: Value::Null }
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.kid.clone()).filter(|kid| !kid.is_empty());
        encode(&header, claims, &self.key).unwrap()
    }
}

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    // Below the order of P-256.
    bytes[0] &= 0x7f;
    bytes
}

/// A key of RSA, of which there is one because it takes a while to find, and its public half in DER.
pub(crate) fn rsa() -> &'static (Signer, Vec<u8>) {
    static KEY: OnceLock<(Signer, Vec<u8>)> = OnceLock::new();
    KEY.get_or_init(|| {
        let key = rsa::RsaPrivateKey::new(&mut System, 2048).unwrap();
        let public = key.to_public_key().to_pkcs1_der().unwrap().into_vec();
        let private = EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes());
        (Signer::new(Algorithm::RS256, private, "rsa"), public)
    })
}

/// A set of public keys.
pub(crate) fn set(signers: &[&Signer]) -> Value {
    json!({"keys": signers.iter().map(|signer| signer.public.clone()).collect::<Vec<_>>()})
}

/// The claims of a good token, for an hour.
pub(crate) fn claims(subject: &str) -> Value {
    let now = at(NOW).timestamp();
    json!({
        "sub": subject, "iss": ISSUER, "aud": "authenticated", "role": "authenticated",
        "iat": now, "exp": now + 3600,
    })
}

/// The same with other values; a claim that is null is left out.
pub(crate) fn claims_with(subject: &str, others: &Value) -> Value {
    let mut claims = claims(subject);
    let map = claims.as_object_mut().unwrap();
    for (name, value) in others.as_object().unwrap() {
        if value.is_null() {
            map.remove(name);
        } else {
            map.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// A token of parts that no library would write.
pub(crate) fn raw(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    format!(
        "{}.{}.{}",
        part(header.to_string().as_bytes()),
        part(claims.to_string().as_bytes()),
        part(signature)
    )
}
