//! A client and a server that answers as Stripe does.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod failures;
mod lists;
mod requests;
mod secrets;
mod settings;

use std::time::Duration;

use growth_stripe_client::{Client, Retries, Settings};
use growth_testkit::stripe::Stripe;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const SECRET: &str = "rk_test_51MadeUpForTests0000";

fn settings(stripe: &Stripe) -> Settings {
    let retries = Retries {
        first_pause: Duration::from_millis(1),
        longest_pause: Duration::from_secs(5),
        ..Retries::default()
    };
    let settings = Settings::new(SECRET.parse().unwrap());
    Settings { api_base: Some(stripe.url()), requests_per_second: 1_000, retries, ..settings }
}

fn client(stripe: &Stripe) -> Client {
    Client::new(settings(stripe)).unwrap()
}

/// Answers one request with this text, which is a whole HTTP response, and gives the request.
async fn answer_once(text: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(text.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (address, server)
}

/// A whole HTTP response.
fn response(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}
