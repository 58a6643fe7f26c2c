//! Connections over HTTP/1: how many, how slow, and how they end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::seats::Seats;

/// After trouble with accepting a connection, such as too many open files, somebody else has to end first.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// The most bytes of a request's header.
const HEADER_LIMIT: usize = 16 << 10;

/// What connections keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// How many there are at most. Where another one comes, the one on which nothing was asked for the longest time ends;
    /// while all are asked something, it waits.
    pub most: usize,
    /// How long a connection may take from one request's end to the end of the next one's header. Proxies keep
    /// connections open for reuse, and should be the first to close them.
    pub header_timeout: Duration,
    /// How long a client may take to read what it is answered.
    pub write_timeout: Duration,
    /// How long requests that are under way may take at the end.
    pub shutdown_timeout: Duration,
}

impl Default for Connections {
    fn default() -> Self {
        Self {
            most: 2048,
            header_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(15),
            shutdown_timeout: Duration::from_secs(15),
        }
    }
}

/// Who is at the other side of a request's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Serves connections until `stop`, and then until each has been answered or the patience is over.
///
/// Requests carry their [`Peer`] as an extension. Returns whether each was answered.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    settings: Connections,
    stop: CancellationToken,
) -> bool {
    let service = TowerToHyperService::new(routes);
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_buf_size(HEADER_LIMIT)
        .max_headers(100);
    let seats = Seats::new(settings.most);
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(problem = %error, "a connection was not accepted");
                sleep(ACCEPT_AGAIN).await;
                continue;
            }
        };
        // Answers are small and complete: waiting for more to send with them only delays them.
        let _ = stream.set_nodelay(true);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(settings.write_timeout));
        let seat = tokio::select! {
            seat = seats.take() => Arc::new(seat),
            () = stop.cancelled() => break,
        };
        let (service, served) = (service.clone(), Arc::clone(&seat));
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(address));
            let (answering, seat) = (service.call(request), Arc::clone(&served));
            seat.serve();
            async move {
                let answer = answering.await;
                seat.wait();
                answer
            }
        });
        let connection = http.serve_connection(TokioIo::new(Box::pin(stream)), service);
        let stop = stop.clone();
        connections.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
                () = seat.is_needed() => return,
            };
            // A client that breaks off, or sends no HTTP, has told nothing that could be lost.
            if let Err(error) = ended {
                tracing::debug!(problem = %error, "a connection ended early");
            }
        });
    }
    drop(listener);
    connections.close();
    let all = timeout(settings.shutdown_timeout, connections.wait()).await.is_ok();
    if !all {
        tracing::warn!("some requests were not answered in time");
    }
    all
}
