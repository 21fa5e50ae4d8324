//! What this client shows of itself: the newest value, sent when it is due and after every welcome.

use crate::Time;
use crate::limits::PRESENCE_INTERVAL;

#[derive(Debug)]
pub(crate) struct OwnPresence<D> {
    data: Option<D>,
    told: Told,
}

#[derive(Clone, Copy, Debug)]
enum Told {
    /// The server has what is shown; the next may be sent from this time on.
    Newest { next: Time },
    /// It has not, and gets it at this time.
    Older { due: Time },
}

impl<D: Clone> OwnPresence<D> {
    /// Values that are replaced before they are due are never sent.
    pub(crate) fn set(&mut self, data: D) {
        self.data = Some(data);
        self.forget_told();
    }

    /// A new connection knows nothing.
    pub(crate) fn forget_told(&mut self) {
        if let (Told::Newest { next }, Some(_)) = (self.told, &self.data) {
            self.told = Told::Older { due: next };
        }
    }

    /// What is to be sent now.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<D> {
        match self.told {
            Told::Older { due } if due <= now => {
                let next = now.saturating_add(PRESENCE_INTERVAL);
                self.told = Told::Newest { next };
                self.data.clone()
            }
            _ => None,
        }
    }

    pub(crate) fn due_at(&self) -> Option<Time> {
        match self.told {
            Told::Older { due } => Some(due),
            Told::Newest { .. } => None,
        }
    }
}

impl<D> Default for OwnPresence<D> {
    fn default() -> Self {
        OwnPresence {
            data: None,
            told: Told::Newest { next: Time::ZERO },
        }
    }
}
