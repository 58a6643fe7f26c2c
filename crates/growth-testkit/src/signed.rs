//! Events as Stripe posts them: signed, over connections that are kept.
//!
//! The signature is written from Stripe's description of it, and shares no code with what verifies it.

use std::fmt::{self, Write as _};
use std::io;
use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{HOST, HeaderMap};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use sha2::Sha256;
use tokio::net::TcpStream;

/// The header that carries the signature.
pub const SIGNATURE: &str = "stripe-signature";

/// Signs a body as Stripe does: `t=…,v1=…`, HMAC-SHA256 of `t.body` in hexadecimal, at a time in Unix seconds.
///
/// # Panics
///
/// Never: an HMAC takes keys of any length.
pub fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key of any length");
    mac.update(at.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    let mut signature = format!("t={at},v1=");
    for byte in mac.finalize().into_bytes() {
        let _ = write!(signature, "{byte:02x}");
    }
    signature
}

/// One connection to an HTTP/1 server, opened again where the server closed it between two requests.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    kept: Option<SendRequest<Full<Bytes>>>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// The headers, by their names in lower case.
    pub headers: HeaderMap,
    /// The whole body; what is not UTF-8 in it is replaced.
    pub body: String,
}

impl Answer {
    /// Returns a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// The request cannot have reached the server.
    Unsent(io::Error),
    /// The request may have reached the server, which may have done what it asked for.
    Unanswered(io::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsent(error) => write!(f, "cannot send the request: {error}"),
            Self::Unanswered(error) => write!(f, "no answer to the request: {error}"),
        }
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for io::Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unsent(error) | Failure::Unanswered(error) => error,
        }
    }
}

impl Client {
    /// Connects, so that the first request finds an open connection.
    pub async fn connect(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { address, kept: Some(open(address).await?) })
    }

    /// Returns a client that connects with its first request.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, kept: None }
    }

    /// Reads a path.
    pub async fn get(&mut self, path: &str) -> Result<Answer, Failure> {
        self.send(Method::GET, path, &[], Bytes::new()).await
    }

    /// Reads a path, with headers.
    pub async fn get_with(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.send(Method::GET, path, headers, Bytes::new()).await
    }

    /// Posts a body to a path.
    pub async fn post(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, Failure> {
        self.send(Method::POST, path, headers, body.into()).await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, self.address.to_string());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request
            .body(Full::new(body))
            .map_err(|error| Failure::Unsent(io::Error::new(io::ErrorKind::InvalidInput, error)))?;
        // Taken out until the answer is complete: a caller who stops waiting must not leave a connection behind on
        // which that answer would be taken for the next one.
        if let Some(mut kept) = self.kept.take()
            && kept.ready().await.is_ok()
        {
            match kept.try_send_request(request).await {
                Ok(response) => return self.receive(kept, response).await,
                Err(mut error) => match error.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(Failure::Unanswered(io::Error::other(error.into_error()))),
                },
            }
        }
        let mut opened = open(self.address).await.map_err(Failure::Unsent)?;
        match opened.try_send_request(request).await {
            Ok(response) => self.receive(opened, response).await,
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let error = io::Error::other(error.into_error());
                Err(if unsent { Failure::Unsent(error) } else { Failure::Unanswered(error) })
            }
        }
    }

    async fn receive(
        &mut self,
        connection: SendRequest<Full<Bytes>>,
        response: Response<Incoming>,
    ) -> Result<Answer, Failure> {
        let (head, body) = response.into_parts();
        let body = body.collect().await.map_err(|error| Failure::Unanswered(io::Error::other(error)))?;
        self.kept = Some(connection);
        Ok(Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
        })
    }
}

async fn open(address: SocketAddr) -> io::Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Whoever waits for the answer is told of a connection that breaks.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::signature;

    #[test]
    fn a_signature_is_the_one_that_openssl_makes() {
        // printf '1614049713.{"id":"evt_1"}' | openssl dgst -sha256 -hmac whsec_test
        assert_eq!(
            signature("whsec_test", 1_614_049_713, br#"{"id":"evt_1"}"#),
            "t=1614049713,v1=1ce1129fadbdd7a70b9bdca573173dade693e43dcbaca089eab67ce2bba5e033"
        );
    }
}
