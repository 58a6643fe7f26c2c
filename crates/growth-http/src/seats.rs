//! The places of connections: which one has to go where there is none for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

/// For how long a connection on which nothing is asked keeps its place while others need it. A request may be under way,
/// or the rest of an answer.
const IDLE: Duration = Duration::from_secs(2);

/// A number of seats. While all are taken, the one on which nothing was asked for the longest time is left to a newcomer,
/// so that nobody keeps others out by doing nothing.
pub(crate) struct Seats {
    free: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
}

/// The seats on which nothing is asked.
#[derive(Default)]
struct Waiting {
    /// The number of the one that began to wait last.
    latest: u64,
    /// By their numbers: since when, and how it is told to leave.
    seats: BTreeMap<u64, (Instant, CancellationToken)>,
}

/// One of the seats, as long as it is held.
pub(crate) struct Seat {
    all: Arc<Seats>,
    /// Under which number it waits.
    number: Mutex<Option<u64>>,
    leave: CancellationToken,
    _place: OwnedSemaphorePermit,
}

impl Seats {
    pub(crate) fn new(number: usize) -> Arc<Self> {
        Arc::new(Self { free: Arc::new(Semaphore::new(number)), waiting: Mutex::default() })
    }

    /// Takes a seat, once there is one. One newcomer at a time.
    pub(crate) async fn take(self: &Arc<Self>) -> Seat {
        let place = loop {
            if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                break place;
            }
            let look_again = self.make_room();
            tokio::select! {
                place = Arc::clone(&self.free).acquire_owned() => {
                    break place.unwrap_or_else(|_| unreachable!("the semaphore is never closed"));
                }
                () = sleep_until(look_again) => {}
            }
        };
        let (all, leave) = (Arc::clone(self), CancellationToken::new());
        let seat = Seat { all, number: Mutex::default(), leave, _place: place };
        seat.wait();
        seat
    }

    /// Tells the one to leave that has waited for the longest time, if for long enough; returns when to look again.
    fn make_room(&self) -> Instant {
        let (now, mut waiting) = (Instant::now(), self.waiting());
        let Some(first) = waiting.seats.first_entry() else { return now + IDLE };
        let (since, leave) = first.get();
        let end = *since + IDLE;
        if now < end {
            return end;
        }
        leave.cancel();
        first.remove();
        now + IDLE
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Nothing is asked yet, or not any more.
    pub(crate) fn wait(&self) {
        let mut waiting = self.all.waiting();
        waiting.latest += 1;
        let number = waiting.latest;
        waiting.seats.insert(number, (Instant::now(), self.leave.clone()));
        *self.number() = Some(number);
    }

    /// Something is asked.
    pub(crate) fn serve(&self) {
        let mut waiting = self.all.waiting();
        if let Some(number) = self.number().take() {
            waiting.seats.remove(&number);
        }
    }

    /// Returns when somebody else needs the seat.
    pub(crate) async fn is_needed(&self) {
        self.leave.cancelled().await;
    }

    fn number(&self) -> MutexGuard<'_, Option<u64>> {
        self.number.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.serve();
    }
}
