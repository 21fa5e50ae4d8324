//! What an app holds of a client.

use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::codec::Data;
use crate::driver::{Driver, Submission};
use crate::event::{Event, Left};
use crate::limits::{EVENTS, PENDING_BYTES, PENDING_BYTES_EACH};
use crate::options::Options;
use crate::receipts::{NotStored, Receipt, Ticket};
use crate::url::{BadUrl, Target};

/// A client of one room, which connects, and connects again, by itself. Dropping it ends it.
#[derive(Debug)]
pub struct Client {
    submissions: mpsc::UnboundedSender<Submission>,
    shares: Arc<Semaphore>,
    presence: watch::Sender<Option<Data>>,
    driver: JoinHandle<Left>,
}

/// What happens, in order.
///
/// It must be taken: a client whose events nobody takes stands still, and its receipts with it. Dropping it says that they are
/// not wanted; the client goes on without.
#[derive(Debug)]
pub struct Events(mpsc::Receiver<Event>);

impl Client {
    /// Begins to connect to the room of `url` (`ws://HOST:PORT/ROOM`), on the Tokio runtime that it is called from.
    pub fn connect(url: &str, options: Options) -> Result<(Client, Events), BadUrl> {
        let target = Target::parse(url)?;
        // Bounded by the shares, which each submission brings along.
        let (submissions, submitted) = mpsc::unbounded_channel();
        let (presence, shown) = watch::channel(None);
        let (events, taken) = mpsc::channel(EVENTS);
        let driver = Driver::new(target, options, submitted, shown, events);
        let client = Client {
            submissions,
            shares: Arc::new(Semaphore::new(PENDING_BYTES as usize)),
            presence,
            driver: tokio::spawn(driver.run()),
        };
        Ok((client, Events(taken)))
    }

    /// Submits an op, as soon as there is room among those that wait. From then on it is sent until the server has it, in the order of
    /// the calls. `data` is JSON as `JSON.stringify` makes it.
    pub async fn submit(&self, data: Box<RawValue>) -> Receipt {
        let (outcome, receipt) = oneshot::channel();
        let bytes = u32::try_from(data.get().len()).unwrap_or(PENDING_BYTES);
        let share = bytes.clamp(PENDING_BYTES_EACH, PENDING_BYTES);
        let shares = self.shares.clone();
        let share = shares
            .acquire_many_owned(share)
            .await
            .expect("it is never closed");
        let ticket = Ticket {
            outcome,
            _share: share,
        };
        let data = data.into();
        if let Err(mpsc::error::SendError(lost)) = self.submissions.send(Submission { data, ticket }) {
            lost.ticket.refuse(NotStored::Closed);
        }
        Receipt(receipt)
    }

    /// Shows `data` to the others in place of what was shown before; `null` takes it away.
    pub fn show(&self, data: Box<RawValue>) {
        self.presence.send_replace(Some(data.into()));
    }

    /// Ends it, and returns what the next life of the client goes on with. The last events still wait in [`Events`]: the next life
    /// begins after them.
    pub async fn close(self) -> Left {
        drop(self.submissions);
        self.driver.await.expect("the driver does not panic")
    }
}

impl Events {
    /// The next event; `None` once the client was closed, by either side. Safe to cancel.
    pub async fn next(&mut self) -> Option<Event> {
        self.0.recv().await
    }
}
