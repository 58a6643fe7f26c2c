//! What the servers of this product have in common.
//!
//! Every one of them reads what strangers send; this is where none of them can make it hold too much, or wait forever:
//! bodies are read up to a size, within a time, and together within a budget of memory, and connections are bounded.

mod connections;
mod seats;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

pub use connections::{Connections, Peer, serve};

/// What bodies are read within.
#[derive(Clone, Debug)]
pub struct Bodies {
    /// The most bytes of one body.
    pub limit: usize,
    /// The longest that one body may take.
    pub patience: Duration,
    /// A permit for each byte of all bodies that are held at a time.
    pub budget: Arc<Semaphore>,
}

/// A body, and its share of the budget as long as it is held.
#[derive(Debug)]
pub struct Held {
    /// The body.
    pub bytes: Vec<u8>,
    /// Its share; `None` for an empty one.
    pub share: Option<OwnedSemaphorePermit>,
}

/// Why a body was not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It took longer than the patience.
    TooSlow,
    /// The connection ended first.
    CutOff,
    /// The budget is used up by others.
    Busy,
}

impl Bodies {
    /// Reads a body to its end.
    ///
    /// # Errors
    ///
    /// Why it was not; what was read of it is dropped then.
    pub async fn read(&self, body: Body) -> Result<Held, Unread> {
        timeout(self.patience, self.read_all(body)).await.unwrap_or(Err(Unread::TooSlow))
    }

    async fn read_all(&self, mut body: Body) -> Result<Held, Unread> {
        let mut held = Held { bytes: Vec::new(), share: None };
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Unread::CutOff)?.into_data() else { continue };
            if held.bytes.len() + data.len() > self.limit {
                return Err(Unread::TooLarge);
            }
            self.hold(&mut held.share, data.len())?;
            held.bytes.extend_from_slice(&data);
        }
        Ok(held)
    }

    /// Takes more of the budget for somebody who has a share of it.
    ///
    /// # Errors
    ///
    /// [`Unread::Busy`] where there is not as much left.
    pub fn hold(&self, share: &mut Option<OwnedSemaphorePermit>, bytes: usize) -> Result<(), Unread> {
        let bytes = u32::try_from(bytes).map_err(|_| Unread::TooLarge)?;
        let more = Arc::clone(&self.budget).try_acquire_many_owned(bytes).map_err(|_| Unread::Busy)?;
        match share {
            Some(share) => share.merge(more),
            None => *share = Some(more),
        }
        Ok(())
    }
}
