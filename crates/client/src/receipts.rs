//! What becomes of the ops that were submitted.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use patchcast_protocol::ids::OpId;
use patchcast_protocol::message::{Ack, RejectCode};
use patchcast_session::{OpState, Reason, Rejection, SubmitError};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Resolves once the op is an entry of the room, as durable as the ack says, or will never be one.
///
/// Dropping it changes nothing for the op.
#[derive(Debug)]
#[must_use = "an op may be rejected"]
pub struct Receipt(pub(crate) oneshot::Receiver<Result<Ack, NotStored>>);

impl Future for Receipt {
    type Output = Result<Ack, NotStored>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Its other end goes with the client, which was closed.
        let settled = Pin::new(&mut self.0).poll(context);
        settled.map(|settled| settled.unwrap_or(Err(NotStored::Closed)))
    }
}

/// Why an op has no ack.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotStored {
    /// The server would not take a message of this size. Submit something smaller.
    #[error("the message is larger than the server takes")]
    TooLarge,
    /// The server has refused it for good.
    #[error("refused ({code:?}): {reason}")]
    Refused {
        /// Why.
        code: RejectCode,
        /// The same in words.
        reason: Reason,
    },
    /// The client was closed before it knew. The op may be in the room or not; the next life of the client finds out.
    #[error("the client was closed before the op was acknowledged")]
    Closed,
}

impl From<SubmitError> for NotStored {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::TooLarge => NotStored::TooLarge,
            // The queue has no limit but the shares, which were waited for.
            SubmitError::Closed | SubmitError::QueueFull => NotStored::Closed,
        }
    }
}

/// The other ends of the receipts, in the order of their ops.
#[derive(Debug, Default)]
pub(crate) struct Receipts(VecDeque<(OpId, Ticket)>);

/// One receipt's other end, and the op's share of what may wait.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub(crate) outcome: oneshot::Sender<Result<Ack, NotStored>>,
    pub(crate) _share: OwnedSemaphorePermit,
}

impl Ticket {
    fn settle(self, outcome: Result<Ack, NotStored>) {
        // Nobody may want to know.
        let _ = self.outcome.send(outcome);
    }

    pub(crate) fn refuse(self, why: NotStored) {
        self.settle(Err(why));
    }
}

impl Receipts {
    pub(crate) fn push(&mut self, id: OpId, ticket: Ticket) {
        self.0.push_back((id, ticket));
    }

    pub(crate) fn handle(&mut self, id: OpId, state: OpState) {
        let outcome = match state {
            OpState::Sent => return,
            OpState::Ordered(ack) => Ok(ack),
            OpState::Rejected(Rejection::TooLarge) => Err(NotStored::TooLarge),
            OpState::Rejected(Rejection::Refused { code, reason }) => {
                Err(NotStored::Refused { code, reason })
            }
        };
        // Ops of an earlier life have none.
        let index = self.0.iter().position(|(waiting, _)| *waiting >= id);
        if let Some(index) = index
            && self.0[index].0 == id
            && let Some((_, ticket)) = self.0.remove(index)
        {
            ticket.settle(outcome);
        }
    }
}
