//! A proxy that refuses requests, and that loses answers to requests which the server took.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use growth_testkit::signed::Client;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};

/// So many requests at the beginning never reach the server.
pub(crate) const REFUSED: usize = 2;
/// So many answers of the server, to every second request, never reach the client.
pub(crate) const LOST: usize = 3;

/// The proxy. It ends when this value is dropped, and its connections with it.
pub(crate) struct Unreliable {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    server: AbortHandle,
}

/// What the proxy did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) refused: usize,
    /// How many requests reached the server.
    pub(crate) forwarded: usize,
    /// How many calls each batch had whose answer was lost.
    pub(crate) lost: Vec<usize>,
}

impl Drop for Unreliable {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Unreliable {
    /// Starts a proxy before a server.
    pub(crate) async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = Arc::clone(&seen);
        let accepting = async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(|request| answer(server, &seen, request));
                    // An error is a connection that was closed, on purpose or by the other side.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        };
        Self { address, seen, server: tokio::spawn(accepting).abort_handle() }
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }
}

/// What becomes of a request.
enum Fate {
    Refused,
    Answered,
    Lost(usize),
}

async fn answer(
    server: SocketAddr,
    seen: &Mutex<Seen>,
    request: Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let fate = fate(&mut seen.lock().unwrap(), &body);
    if matches!(fate, Fate::Refused) {
        return Ok(unavailable(Some("1")));
    }
    let headers = head.headers.iter().filter(|(name, _)| **name != HOST && **name != CONTENT_LENGTH);
    let headers: Vec<(&str, &str)> =
        headers.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let answer = Client::new(server).post(head.uri.path(), &headers, body).await?;
    if let Fate::Lost(number) = fate {
        assert_eq!(answer.status, 200, "what is lost was taken: {answer:?}");
        return match number {
            // This is tried again after a second, by some clients together with other calls.
            0 => Ok(unavailable(Some("1"))),
            // This is tried again when the client likes.
            1 => Ok(unavailable(None)),
            _ => Err(io::Error::other("hung up")),
        };
    }
    let mut response = Response::new(Full::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap();
    *response.headers_mut() = answer.headers;
    Ok(response)
}

fn fate(seen: &mut Seen, body: &[u8]) -> Fate {
    if seen.refused < REFUSED {
        seen.refused += 1;
        return Fate::Refused;
    }
    seen.forwarded += 1;
    if seen.forwarded % 2 == 1 || seen.lost.len() == LOST {
        return Fate::Answered;
    }
    let body: Value = serde_json::from_slice(body).unwrap();
    seen.lost.push(body["batch"].as_array().unwrap().len());
    Fate::Lost(seen.lost.len() - 1)
}

fn unavailable(retry_after: Option<&'static str>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.parse().unwrap());
    }
    response
}
