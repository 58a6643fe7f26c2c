//! Reading bodies: up to a size, within a time, and together within a budget of memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::refusal::Refusal;

/// What bodies are read within.
#[derive(Clone, Debug)]
pub(crate) struct Bodies {
    /// The most bytes of one body.
    pub(crate) limit: usize,
    /// The longest that one body may take.
    pub(crate) patience: Duration,
    /// A permit for each byte of all bodies that are held at a time.
    pub(crate) budget: Arc<Semaphore>,
}

/// A body, and its share of the budget as long as it is held.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) text: String,
    pub(crate) share: Option<OwnedSemaphorePermit>,
}

impl Bodies {
    pub(crate) async fn read(&self, body: Body) -> Result<Held, Refusal> {
        timeout(self.patience, self.read_all(body)).await.unwrap_or(Err(Refusal::TooSlow))
    }

    async fn read_all(&self, mut body: Body) -> Result<Held, Refusal> {
        let mut bytes = Vec::new();
        let mut share: Option<OwnedSemaphorePermit> = None;
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(|_| Refusal::CutOff)?.into_data() else { continue };
            if bytes.len() + data.len() > self.limit {
                return Err(Refusal::TooLarge);
            }
            let more = u32::try_from(data.len()).map_err(|_| Refusal::TooLarge)?;
            let more = Arc::clone(&self.budget).try_acquire_many_owned(more).map_err(|_| Refusal::Busy)?;
            match &mut share {
                Some(share) => share.merge(more),
                None => share = Some(more),
            }
            bytes.extend_from_slice(&data);
        }
        let text = String::from_utf8(bytes).map_err(|_| Refusal::NotText)?;
        Ok(Held { text, share })
    }
}
