//! One life of a client, driven as a page drives it, over a link that may do anything; whatever its room holds.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use patchcast_protocol::ids::Secret;
use patchcast_session::{Phase, Reason};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use crate::mutation::Mutation;
use crate::post::{Post, at};
use crate::socket::Brought;
use crate::world::World;

/// What a life is told to do.
#[derive(Clone, Copy, Debug)]
pub enum Command {
    /// Submit ops.
    Submit {
        /// How many.
        ops: usize,
        /// Bytes of padding in each.
        bytes: usize,
        /// What it is in a document that they do.
        draw: u16,
    },
    /// Undo steps of a document, or redo them.
    Undo {
        /// How many.
        steps: usize,
        /// Which of the two.
        redo: bool,
    },
    /// Show something else, or nothing.
    Show {
        /// Whether it is nothing.
        nothing: bool,
    },
    /// Do nothing for a while.
    Freeze(Duration),
    /// There is a network.
    Online,
    /// End in order.
    Close,
}

/// Who a life is.
#[derive(Clone)]
pub struct Birth {
    /// Where it lives.
    pub world: Rc<World>,
    /// Which client.
    pub client: usize,
    /// Which of its lives.
    pub life: usize,
    /// Its secret.
    pub secret: Secret,
    /// Whether the outbox is this life's; until another takes it over.
    pub owns_outbox: Rc<Cell<bool>>,
}

impl Birth {
    /// What the simulator calls it.
    pub fn name(&self) -> String {
        format!("client {}.{}", self.client, self.life)
    }

    /// A number of its own, for some purpose.
    pub fn draw_for(&self, what: &str) -> u64 {
        let (client, life) = (self.client.to_string(), self.life.to_string());
        self.world.draw_for(&[what, &client, &life])
    }
}

/// What happens to a session.
pub enum Happening {
    /// The connection is open.
    Connected,
    /// A text came.
    Text(String),
    /// The connection has ended.
    Disconnected {
        /// The close frame's code.
        code: u16,
        /// And its reason.
        reason: Reason,
    },
    /// The timer has fired.
    Woken,
    /// There is a network.
    Online,
    /// The app shows this.
    Presence(String),
    /// The app wants no more.
    Close,
}

/// A session and its app.
pub(crate) trait Host {
    /// How the connection stands.
    fn phase(&self) -> Phase;

    /// Tells the session.
    fn handle(&mut self, happening: Happening);

    /// Submits ops; `draw` is what they are in a document.
    fn submit(&mut self, ops: usize, bytes: usize, draw: u16);

    /// Takes back steps, or makes them again.
    fn undo(&mut self, steps: usize, redo: bool);

    /// Notes what the app shows from now on.
    fn show(&mut self, shows: Option<String>);

    /// Does what the session wants done; the time of its timer, if that is another one.
    fn carry_out(&mut self, post: &mut Post) -> Option<Duration>;
}

/// Lives until it is closed.
pub(crate) async fn live(birth: Birth, mut host: impl Host, mut commands: mpsc::UnboundedReceiver<Command>) {
    let world = birth.world.clone();
    let mut post = Post::new();
    let (mut wake_at, mut shown): (Option<Instant>, usize) = (None, 0);
    loop {
        if let Some(time) = host.carry_out(&mut post) {
            wake_at = Some(world.begin + time);
        }
        post.send_kept();
        if host.phase() == Phase::Closed && commands.is_closed() {
            return;
        }
        let kept_at = post.next_kept();
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                None => return,
                Some(Command::Submit { ops, bytes, draw }) => host.submit(ops, bytes, draw),
                Some(Command::Undo { steps, redo }) => host.undo(steps, redo),
                Some(Command::Show { nothing }) => {
                    shown += 1;
                    let shows = format!(r#"{{"life":"{}.{}","shows":{shown}}}"#, birth.client, birth.life);
                    let shows = (!nothing).then_some(shows);
                    host.show(shows.clone());
                    host.handle(Happening::Presence(shows.unwrap_or_else(|| "null".into())));
                }
                Some(Command::Freeze(time)) => drop(timeout(time, world.healed()).await),
                Some(Command::Online) => host.handle(Happening::Online),
                Some(Command::Close) => host.handle(Happening::Close),
            },
            brought = post.next() => host.handle(match brought {
                Brought::Opened => Happening::Connected,
                Brought::Text(text) => Happening::Text(text),
                Brought::Closed(code, reason) => Happening::Disconnected { code, reason: reason.into() },
            }),
            () = at(wake_at) => {
                wake_at = None;
                if world.mutation != Some(Mutation::HeartbeatOff) || matches!(host.phase(), Phase::Offline { .. }) {
                    host.handle(Happening::Woken);
                }
            }
            () = at(kept_at) => {}
        }
    }
}
