//! What the servers have in common: where they listen, the database that they wait for, how they are told to end.

use std::net::SocketAddr;
use std::time::Duration;

use growth_db::connect::Limits;
use growth_db::{Db, SqlError, migrate};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::database;
use crate::failure::{Outcome, misuse};
use crate::settings::{Settings, Told};
use crate::signals::Signals;

/// How long the rest may take at the end, after a server has finished.
pub(crate) const LAST_PATIENCE: Duration = Duration::from_secs(5);
/// The pause before it looks again for a database that is not there when the server starts.
const CONNECT_AGAIN: Duration = Duration::from_secs(2);
/// How many files are open besides the connections of the server.
const OTHER_FILES: u64 = 128;

/// As many connections as wanted, or as the limit of open files leaves room for.
pub(crate) fn connections(wanted: usize) -> usize {
    let files = rlimit::increase_nofile_limit(wanted as u64 + OTHER_FILES).unwrap_or(OTHER_FILES * 2);
    let room = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(wanted);
    wanted.min(room.max(1))
}

pub(crate) fn address(text: &Told<String>) -> anyhow::Result<SocketAddr> {
    text.read(|text| {
        text.parse()
            .map_err(|_| format!("{text:?} is no address and port, such as 127.0.0.1:4242 or [::]:4242"))
    })
}

/// Opens the database, once it is there, and applies what migrations are pending.
///
/// # Errors
///
/// The database's; with `no_migrate` that migrations are pending.
pub(crate) async fn open(settings: &Settings, limits: Limits, no_migrate: bool) -> anyhow::Result<Db> {
    let db = loop {
        match connect(settings, limits, no_migrate).await {
            Err(error) if is_not_there(&error) => {
                tracing::warn!(problem = %error.root_cause(), "the database is not there yet");
                sleep(CONNECT_AGAIN).await;
            }
            db => break db?,
        }
    };
    if !no_migrate {
        for migration in migrate::run(&db).await? {
            tracing::info!(migration = migration.name, "applied");
        }
    }
    Ok(db)
}

/// Connects; with `no_migrate` only to a database that is there and lacks nothing.
async fn connect(settings: &Settings, limits: Limits, no_migrate: bool) -> anyhow::Result<Db> {
    if no_migrate {
        let pending = database::pending(settings).await?.len();
        if pending > 0 {
            return Err(growth_db::Error::Pending { pending }.into());
        }
    }
    database::connect_within(settings, limits).await
}

/// Whether a server cannot be reached, as opposed to one that refuses us.
fn is_not_there(error: &anyhow::Error) -> bool {
    let of_database = error.chain().find_map(|cause| cause.downcast_ref::<growth_db::Error>());
    matches!(of_database, Some(growth_db::Error::Database(SqlError::Io(_) | SqlError::PoolTimedOut)))
}

pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| misuse(format!("cannot listen on {address}: {error}")))
}

/// Cancels `stop` at the first signal to end; done at the second one.
pub(crate) async fn until_told_to_stop(mut signals: Signals, stop: CancellationToken) {
    for _ in 0..2 {
        signals.next().await;
        tracing::info!("stopping");
        stop.cancel();
    }
}

/// Serves until the server has finished, or somebody is in a hurry.
pub(crate) async fn to_the_end(serve: impl Future<Output = bool>, hurry: JoinHandle<()>) -> Outcome {
    tokio::select! {
        finished = serve => {
            tracing::info!(finished, "stopped");
            if finished { Outcome::Done } else { Outcome::LeftUndone }
        }
        _ = hurry => {
            tracing::warn!("told to stop twice: ended at once");
            Outcome::LeftUndone
        }
    }
}

/// Closes a database; returns whether it did in time.
pub(crate) async fn close(db: &Db) -> bool {
    timeout(LAST_PATIENCE, db.close()).await.is_ok()
}
