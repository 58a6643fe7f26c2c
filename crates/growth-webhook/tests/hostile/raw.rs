//! A client that sends whatever bytes it is told to.

use std::net::SocketAddr;
use std::time::Duration;

use growth_testkit::signed::signature;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
pub(crate) struct Raw {
    stream: TcpStream,
    /// What came and was not taken for an answer yet.
    rest: Vec<u8>,
}

/// What came back for one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.unwrap().unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, rest: Vec::new() }
    }

    /// Sends as much as the server takes; it may have closed the connection.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends, and says whether the server took all of it within a while.
    pub(crate) async fn offer(&mut self, bytes: &[u8], patience: Duration) -> bool {
        matches!(timeout(patience, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    /// Tells the server that nothing more comes.
    pub(crate) async fn finish(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// The next answer, and nothing where the connection is closed before a whole one came.
    pub(crate) async fn answer(&mut self) -> Option<Answer> {
        self.answer_within(PATIENCE).await
    }

    /// The next answer.
    ///
    /// # Panics
    ///
    /// Where neither it nor the connection's end comes in time.
    pub(crate) async fn answer_within(&mut self, patience: Duration) -> Option<Answer> {
        let until = Instant::now() + patience;
        loop {
            if let Some((answer, length)) = parse(&self.rest) {
                self.rest.drain(..length);
                return Some(answer);
            }
            let read = timeout_at(until, self.stream.read_buf(&mut self.rest)).await;
            if matches!(read.expect("an answer or the connection's end in time"), Ok(0) | Err(_)) {
                return None;
            }
        }
    }

    /// All answers until the server closes the connection.
    pub(crate) async fn answers(&mut self) -> Vec<Answer> {
        let mut answers = Vec::new();
        while let Some(answer) = self.answer().await {
            answers.push(answer);
        }
        answers
    }

    /// Whether nothing comes and the connection stays open for a while.
    pub(crate) async fn stays_silent(&mut self, patience: Duration) -> bool {
        self.rest.is_empty() && timeout(patience, self.stream.read_u8()).await.is_err()
    }
}

/// The first answer in `bytes` and how many of them it has. A `100 Continue` has no body.
fn parse(bytes: &[u8]) -> Option<(Answer, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head, body: String::new() };
    let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
    let body = bytes.get(end..end + length)?;
    answer.body = String::from_utf8(body.to_vec()).unwrap();
    Some((answer, end + length))
}

/// A request's first line, its `Host`, and the given lines, each ended; the empty line that ends it is not there.
pub(crate) fn head(first: &str, lines: &[&str]) -> String {
    let mut head = format!("{first}\r\nHost: webhooks.example\r\n");
    for line in lines {
        head.push_str(line);
        head.push_str("\r\n");
    }
    head
}

/// A whole request as Stripe would send it.
pub(crate) fn post(secret: &str, at: i64, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    post_with(signature(secret, at, body), body)
}

/// A whole request with any bytes for the signature.
pub(crate) fn post_with(signature: impl AsRef<[u8]>, body: &[u8]) -> Vec<u8> {
    let mut request = head("POST /webhooks/stripe HTTP/1.1", &[]).into_bytes();
    request.extend_from_slice(b"Stripe-Signature: ");
    request.extend_from_slice(signature.as_ref());
    request.extend_from_slice(format!("\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes());
    request.extend_from_slice(body);
    request
}
