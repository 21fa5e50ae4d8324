//! Clients of streams.

pub mod app;
pub mod life;
pub mod outbox;

use std::cell::RefCell;
use std::rc::Rc;

use patchcast_protocol::ids::OpId;
use patchcast_session::Restored;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::ledger::{OpKey, key_of};
use crate::life::{Birth, Command, live};
use crate::lives::{Kind, Running, disown};
use crate::outbox::Outbox;
use crate::witness::Witness;
use app::{App, By};
use life::StreamHost;
use outbox::Kept;

/// The kind of room that holds any JSON values.
pub(crate) enum Stream {}

impl Kind for Stream {
    type App = App;
    type Kept = Kept;

    fn bear(
        birth: Birth,
        witness: Witness,
        earlier: Option<App>,
        outbox: &Rc<RefCell<Outbox<Kept>>>,
        commands: UnboundedReceiver<Command>,
    ) -> (Rc<RefCell<App>>, Running) {
        let echo = birth.world.setup.clients[birth.client].echo;
        let mut app = App::new(witness, echo);
        let (restored, position) = match birth.life {
            0 => (Restored::default(), None),
            _ => outbox.borrow_mut().restored(),
        };
        if let Some(earlier) = earlier {
            let is_kept = |id| restored.pending.iter().any(|op| op.id == id);
            if disown::<Stream>(&earlier, &mut app.witness, is_kept) {
                for op in &restored.pending {
                    if let Some(key) = key_of(op.data.get().as_bytes()) {
                        app.submitted(op.id, key, op.data.clone(), By::Earlier);
                    }
                }
                app.follow(earlier, position);
            }
        }
        let app = Rc::new(RefCell::new(app));
        let host = StreamHost::new(birth.clone(), restored, app.clone(), outbox.clone());
        (app, Box::pin(live(birth, host, commands)))
    }

    fn witness(app: &App) -> &Witness {
        &app.witness
    }

    fn witness_mut(app: &mut App) -> &mut Witness {
        &mut app.witness
    }

    fn waiting(app: &App) -> Vec<(OpId, OpKey)> {
        app.waiting
            .iter()
            .map(|(id, waiting)| (*id, waiting.key))
            .collect()
    }

    fn faults(app: &App) -> Vec<String> {
        app.faults()
    }
}
