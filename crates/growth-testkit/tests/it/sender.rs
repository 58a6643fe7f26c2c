//! The sender of webhooks, against a server that misbehaves on purpose.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::sync::{Arc, Mutex};

use growth_testkit::block_on;
use growth_testkit::signed::{Client, Failure, SIGNATURE, signature};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::process::Command;

const SECRET: &str = "whsec_test";

/// How a server treats a request.
#[derive(Clone, Copy)]
enum Manner {
    /// It answers with a status and keeps the connection.
    Answer(u16),
    /// It answers with 200 and closes the connection.
    AnswerAndClose,
    /// It takes the request and closes the connection.
    Hang,
}

/// What a server was sent: the signature and the body of each request.
type Received = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// Serves on a free port; the manner may depend on how many requests came before.
async fn serve(manner: fn(usize) -> Manner) -> (SocketAddr, Received) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let received = Received::default();
    let log = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            let log = Arc::clone(&log);
            let service = service_fn(move |request| answer(request, Arc::clone(&log), manner));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    (address, received)
}

async fn answer(
    request: Request<Incoming>,
    log: Received,
    manner: fn(usize) -> Manner,
) -> io::Result<Response<Full<Bytes>>> {
    let signature = request.headers().get(SIGNATURE).map(|value| value.to_str().expect("text").to_owned());
    let body = request.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
    let before = {
        let mut log = log.lock().expect("nobody panicked");
        log.push((signature.unwrap_or_default(), body.to_vec()));
        log.len() - 1
    };
    let response = Response::builder();
    let response = match manner(before) {
        Manner::Answer(status) => response.status(status),
        Manner::AnswerAndClose => response.header(CONNECTION, "close"),
        Manner::Hang => return Err(io::Error::other("as it should")),
    };
    Ok(response.body(Full::new(Bytes::from_static(b"told"))).expect("a response"))
}

/// Runs `webhook-load` on events that are numbered from 0.
async fn load(mode: &str, address: SocketAddr, folder: &Path, events: usize, more: &[&str]) -> Output {
    let file = folder.join("events.ndjson");
    let lines: String =
        (0..events).fold(String::new(), |text, n| text + &format!("{{\"id\":\"evt_{n}\"}}\n"));
    std::fs::write(&file, lines).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_webhook-load"));
    command.args([mode, "--url", &format!("http://{address}/webhooks/stripe"), "--secret", SECRET]);
    command.args(["--connections", "4", "--events"]).arg(file).args(more);
    command.output().await.expect("webhook-load runs")
}

/// Returns the last line that was printed.
fn result(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last();
    line.and_then(|line| serde_json::from_str(line).ok()).unwrap_or_else(|| panic!("{output:?}"))
}

/// Tells whether a body came with the signature of the time that its signature names.
fn is_signed(signed: &str, body: &[u8]) -> bool {
    let at = signed.strip_prefix("t=").and_then(|rest| rest.split(',').next()).expect("a time");
    signed == signature(SECRET, at.parse().expect("seconds"), body)
}

#[test]
fn a_client_connects_again_where_the_server_closed() {
    block_on(async {
        let (address, received) = serve(|_| Manner::AnswerAndClose).await;
        let mut client = Client::connect(address).await.expect("a connection");
        for body in ["one", "two", "three"] {
            let answer = client.post("/", &[("x-some", "thing")], body).await.expect("an answer");
            assert_eq!(
                (answer.status, answer.body.as_str(), answer.header("connection")),
                (200, "told", Some("close"))
            );
        }
        assert_eq!(client.get("/").await.expect("an answer").status, 200);
        assert_eq!(received.lock().expect("nobody panicked").len(), 4);
    });
}

#[test]
fn a_client_tells_whether_the_server_may_know_of_the_request() {
    block_on(async {
        let (address, received) = serve(|_| Manner::Hang).await;
        let mut client = Client::connect(address).await.expect("a connection");
        let failure = client.post("/", &[], "body").await.expect_err("no answer");
        assert!(matches!(failure, Failure::Unanswered(_)), "{failure}");
        assert_eq!(received.lock().expect("nobody panicked").len(), 1);

        let nobody = {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
            listener.local_addr().expect("an address")
        };
        let failure = Client::new(nobody).post("/", &[], "body").await.expect_err("no server");
        assert!(matches!(failure, Failure::Unsent(_)), "{failure}");
    });
}

#[test]
fn a_load_is_each_event_once_and_signed() {
    block_on(async {
        let (address, received) = serve(|_| Manner::Answer(200)).await;
        let folder = tempfile::tempdir().expect("a folder");
        let output = load("post", address, folder.path(), 100, &["--limit", "90"]).await;
        let result = result(&output);
        assert_eq!((result["requests"].as_u64(), result["statuses"]["200"].as_u64()), (Some(90), Some(90)));
        assert!(result["p99_ms"].as_f64() >= result["p50_ms"].as_f64(), "{result}");
        let received = received.lock().expect("nobody panicked");
        let bodies: BTreeSet<&[u8]> = received.iter().map(|(_, body)| body.as_slice()).collect();
        assert_eq!((received.len(), bodies.len()), (90, 90));
        assert!(received.iter().all(|(signed, body)| is_signed(signed, body)));
    });
}

#[test]
fn chaos_ends_when_every_event_is_acknowledged() {
    block_on(async {
        // Of five requests, one is refused for the moment and one is cut off.
        let manner = |before: usize| match before % 5 {
            1 => Manner::Answer(503),
            3 => Manner::Hang,
            _ => Manner::Answer(200),
        };
        let (address, received) = serve(manner).await;
        let folder = tempfile::tempdir().expect("a folder");
        let ids = folder.path().join("ids");
        let more = ["--acknowledged", ids.to_str().expect("a name"), "--duplicates", "30"];
        let output = load("chaos", address, folder.path(), 200, &more).await;
        assert!(output.status.success(), "{output:?}");
        let sums = result(&output);
        let sum = |name: &str| sums[name].as_u64().unwrap_or_else(|| panic!("no {name} in {sums}"));
        assert_eq!((sum("events"), sum("acknowledged"), sum("refused")), (200, 200, 0));
        assert!(sum("deliveries") > 220 && sum("unavailable") > 0 && sum("unanswered") > 0, "{sums}");
        assert_eq!(sum("posts"), sum("deliveries") + sum("retried"));
        let text = std::fs::read_to_string(ids).expect("a file");
        let expected: BTreeSet<String> = (0..200).map(|n| format!("evt_{n}")).collect();
        assert_eq!(text.lines().map(str::to_owned).collect::<BTreeSet<_>>(), expected);
        let received = received.lock().expect("nobody panicked");
        assert_eq!(u64::try_from(received.len()).expect("a number"), sum("posts") - sum("unsent"));
        assert!(received.iter().all(|(signed, body)| is_signed(signed, body)));
    });
}

#[test]
fn chaos_stops_at_an_event_that_the_server_calls_wrong() {
    block_on(async {
        let (address, _) = serve(|before| Manner::Answer(if before == 50 { 400 } else { 200 })).await;
        let folder = tempfile::tempdir().expect("a folder");
        let ids = folder.path().join("ids");
        let more = ["--acknowledged", ids.to_str().expect("a name")];
        let output = load("chaos", address, folder.path(), 200, &more).await;
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("the server refused an event (400 told): {\"id\":\"evt_"), "{said}");
    });
}
