//! A server that answers as Stripe's API does, from objects that a test puts in.
//!
//! It is as strict as the real one where our requests could be wrong: it checks
//! the key and its mode, shows ids where nobody asked to `expand[]` them, and
//! refuses parameters, expansions and pages that Stripe refuses.

mod answers;
mod expansion;
mod nested;
mod shelf;
mod weather;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use answers::Answer;
use shelf::Shelf;
use weather::Weather;

/// The server. It ends when this value is dropped, and its connections with it.
#[derive(Debug)]
pub struct Stripe {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    came: Arc<Notify>,
    server: AbortHandle,
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Such as `/v1/charges/ch_1`, decoded.
    pub path: String,
    /// The parameters in their order, decoded.
    pub query: Vec<(String, String)>,
    /// `Stripe-Account`, empty where there is none.
    pub account: String,
    /// `Stripe-Version`, empty where there is none.
    pub version: String,
}

/// Something that goes wrong in the place of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429
    TooManyRequests {
        /// Seconds in `Retry-After`.
        retry_after: Option<u64>,
    },
    /// 500 with an error of Stripe's.
    OutOfOrder,
    /// 502 with a page of HTML, as a proxy on the way answers.
    BadGateway,
    /// The connection is closed without a word.
    HungUp,
    /// Nothing comes, and the connection stays open.
    Silence,
    /// 401, as for a key that was rolled.
    InvalidKey,
    /// 403, as for a restricted key.
    Forbidden {
        /// The permission it lacks, such as `rak_charge_read`.
        permission: &'static str,
    },
}

#[derive(Debug)]
struct State {
    secret: String,
    shelf: Shelf,
    requests: VecDeque<Request>,
    faults: VecDeque<(String, Fault, usize)>,
    weather: Option<Weather>,
    latency: Duration,
    held: Vec<(String, Arc<Semaphore>)>,
    /// How many requests the key is good for.
    key_is_good_for: usize,
    /// Where it is not the real one.
    now: Option<DateTime<Utc>>,
    under_way: usize,
    most_at_once: usize,
}

/// Answers that are held back until this is released or dropped.
#[derive(Debug)]
pub struct Hold(Arc<Semaphore>);

impl Hold {
    /// Lets them go.
    pub fn release(self) {}
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Stripe {
    /// Starts a server that accepts this secret key.
    ///
    /// # Panics
    ///
    /// Where the loopback has no port to give.
    pub async fn start(secret: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port on the loopback");
        Self::serve(secret, listener)
    }

    /// Starts a server behind a listener of one's own.
    ///
    /// # Panics
    ///
    /// Where the listener has no address.
    pub fn serve(secret: &str, listener: TcpListener) -> Self {
        let address = listener.local_addr().expect("the port that was bound");
        let livemode = secret.contains("_live_");
        let state = State {
            secret: secret.to_owned(),
            shelf: Shelf::new(livemode),
            requests: VecDeque::new(),
            faults: VecDeque::new(),
            weather: None,
            latency: Duration::ZERO,
            held: Vec::new(),
            key_is_good_for: usize::MAX,
            now: None,
            under_way: 0,
            most_at_once: 0,
        };
        let state = Arc::new(Mutex::new(state));
        let came = Arc::new(Notify::new());
        let server = serve(listener, Arc::clone(&state), Arc::clone(&came));
        let server = tokio::spawn(server).abort_handle();
        Self { address, state, came, server }
    }

    /// Starts a server whose clock stands still.
    ///
    /// # Panics
    ///
    /// See [`Stripe::start`].
    pub async fn start_at(secret: &str, now: DateTime<Utc>) -> Self {
        let server = Self::start(secret).await;
        server.set_now(now);
        server
    }

    /// Sets the clock, by which every answer is dated and events are forgotten.
    pub fn set_now(&self, now: DateTime<Utc>) {
        lock(&self.state).now = Some(now);
    }

    /// Returns the address in the place of `https://api.stripe.com/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Puts in an object of the key's own account, in the place of one with the same id.
    ///
    /// It is given whole, or names others by their ids: answers show of it what was asked for. It is the newest
    /// of its second.
    ///
    /// # Panics
    ///
    /// Where it has no `id` or is of a kind (`object`) that the server does not know.
    pub fn put(&self, object: Value) {
        self.put_in("", object);
    }

    /// Puts in an object of a connected account, see [`Stripe::put`].
    ///
    /// # Panics
    ///
    /// See [`Stripe::put`].
    pub fn put_in(&self, account: &str, object: Value) {
        lock(&self.state).shelf.put(account, "", object);
    }

    /// Puts in the shape that an object of the key's own account has since an API version, such as `2025-03-31.basil`.
    ///
    /// # Panics
    ///
    /// See [`Stripe::put`].
    pub fn put_since(&self, version: &str, object: Value) {
        lock(&self.state).shelf.put("", version, object);
    }

    /// Takes an object of the key's own account out of every list.
    pub fn delete(&self, id: &str) {
        lock(&self.state).shelf.delete("", id);
    }

    /// Lets the next requests whose path begins with `path` fail, so many `times`; `usize::MAX` is for ever.
    ///
    /// Of several faults that fit, the one that was ordered first comes first.
    pub fn fail(&self, path: &str, fault: Fault, times: usize) {
        lock(&self.state).faults.push_back((path.to_owned(), fault, times));
    }

    /// Lets requests fail by chance: each kind of fault in its percentage of them.
    pub fn set_weather(&self, seed: u64, faults: &[(u64, Fault)]) {
        lock(&self.state).weather = Some(Weather::new(seed, faults));
    }

    /// Lets every answer take some time.
    pub fn set_latency(&self, latency: Duration) {
        lock(&self.state).latency = latency;
    }

    /// Holds back the answers to requests whose path begins with `path`; they tell what was there when they were asked for.
    pub fn hold(&self, path: &str) -> Hold {
        let gate = Arc::new(Semaphore::new(0));
        lock(&self.state).held.push((path.to_owned(), Arc::clone(&gate)));
        Hold(gate)
    }

    /// Lets the key be invalid after so many more requests.
    pub fn revoke_key_after(&self, requests: usize) {
        lock(&self.state).key_is_good_for = requests;
    }

    /// Lets everything work again.
    pub fn recover(&self) {
        let mut state = lock(&self.state);
        state.faults.clear();
        state.weather = None;
        state.key_is_good_for = usize::MAX;
    }

    /// Returns how many requests were under way at once at most.
    pub fn most_at_once(&self) -> usize {
        lock(&self.state).most_at_once
    }

    /// Returns the requests since the last call, in the order in which they came.
    pub fn take_requests(&self) -> Vec<Request> {
        lock(&self.state).requests.drain(..).collect()
    }

    /// Waits for the next request that was not taken yet.
    pub async fn next_request(&self) -> Request {
        loop {
            let came = self.came.notified();
            if let Some(request) = lock(&self.state).requests.pop_front() {
                return request;
            }
            came.await;
        }
    }
}

impl Drop for Stripe {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Request {
    /// Returns the first value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns what `expand[]` asks for.
    pub fn expanded(&self) -> Vec<&str> {
        let asked = self.query.iter().filter(|(name, _)| name == "expand[]");
        asked.map(|(_, value)| value.as_str()).collect()
    }
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>, came: Arc<Notify>) {
    // Aborting the server drops the set, and the set its connections.
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (state, came) = (Arc::clone(&state), Arc::clone(&came));
        connections.spawn(async move {
            let service = service_fn(|request| answer(&state, &came, request));
            // An error is a connection that was closed, on purpose or by the other side.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// The connection is to be closed.
type HangUp = std::io::Error;

async fn answer(
    state: &Mutex<State>,
    came: &Notify,
    http: HttpRequest<Incoming>,
) -> Result<Response<Full<Bytes>>, HangUp> {
    let header = |name: HeaderName| {
        http.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    let request = Request {
        path: decode(http.uri().path()),
        query: parameters(http.uri().query().unwrap_or_default()),
        account: header(HeaderName::from_static("stripe-account")),
        version: header(HeaderName::from_static("stripe-version")),
    };
    let taken = lock(state).take(&request, http.method().as_str(), &header(AUTHORIZATION));
    let Taken { fault, answer, latency, gate, date } = taken;
    came.notify_one();
    if !latency.is_zero() {
        sleep(latency).await;
    }
    if let Some(gate) = gate {
        // It is never given a permit, only closed.
        let _ = gate.acquire().await;
    }
    let response = match fault {
        Some(Fault::HungUp) => Err(HangUp::other("ordered by the test")),
        Some(Fault::Silence) => std::future::pending().await,
        _ => Ok(answer.into_response(&date)),
    };
    lock(state).under_way -= 1;
    response
}

/// What becomes of a request.
struct Taken {
    fault: Option<Fault>,
    answer: Answer,
    latency: Duration,
    gate: Option<Arc<Semaphore>>,
    date: String,
}

impl State {
    fn take(&mut self, request: &Request, method: &str, authorization: &str) -> Taken {
        self.requests.push_back(request.clone());
        self.under_way += 1;
        self.most_at_once = self.most_at_once.max(self.under_way);
        let is_revoked = self.key_is_good_for == 0;
        self.key_is_good_for = self.key_is_good_for.saturating_sub(1);
        #[expect(
            clippy::disallowed_methods,
            reason = "a server has the real time where a test does not set it"
        )]
        let now = self.now.unwrap_or_else(Utc::now);
        let fault = self.next_fault(&request.path);
        let answer = match &fault {
            Some(fault) => answers::fault(fault, &self.secret, &request.account),
            None if is_revoked || authorization != format!("Bearer {}", self.secret) => {
                answers::invalid_key(authorization.trim_start_matches("Bearer "))
            }
            None if method != "GET" => answers::no_such_url(method, &request.path),
            None => self.shelf.answer(request, now.timestamp()),
        };
        let held = self.held.iter().find(|(path, gate)| request.path.starts_with(path) && !gate.is_closed());
        Taken {
            fault,
            answer,
            latency: self.latency,
            gate: held.map(|(_, gate)| Arc::clone(gate)),
            date: now.format("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        }
    }

    fn next_fault(&mut self, path: &str) -> Option<Fault> {
        let ordered = self.faults.iter_mut().find(|(at, _, _)| path.starts_with(at.as_str()));
        let Some((_, fault, left)) = ordered else { return self.weather.as_mut()?.next() };
        *left -= 1;
        let fault = fault.clone();
        self.faults.retain(|(_, _, left)| *left > 0);
        Some(fault)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parameters(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(a, b)| (decode(a), decode(b)))
        .collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = (*first == b'%').then(|| std::str::from_utf8(tail.get(..2)?).ok());
        let escaped = escaped.flatten().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(if *first == b'+' { b' ' } else { *first }));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
