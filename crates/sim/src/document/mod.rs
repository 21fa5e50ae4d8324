//! Clients of documents.

pub mod app;
pub mod chronicle;
pub mod edits;
pub mod host;
pub mod outbox;
pub mod wire;

mod audit;

use std::cell::RefCell;
use std::rc::Rc;

use patchcast_protocol::ids::OpId;
use patchcast_session::document::RestoredDocument;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::ledger::OpKey;
use crate::life::{Birth, Command, live};
use crate::lives::{Kind, Running, disown};
use crate::outbox::Outbox;
use crate::witness::Witness;
use app::{App, Op};
use host::DocumentHost;
use outbox::Kept;

pub(crate) use audit::audit;

/// The kind of room that holds one value, and its changes.
pub(crate) enum Document {}

impl Kind for Document {
    type App = App;
    type Kept = Kept;

    fn bear(
        birth: Birth,
        witness: Witness,
        earlier: Option<App>,
        outbox: &Rc<RefCell<Outbox<Kept>>>,
        commands: UnboundedReceiver<Command>,
    ) -> (Rc<RefCell<App>>, Running) {
        let mut app = App::new(witness);
        let restored = match birth.life {
            0 => RestoredDocument::default(),
            _ => outbox.borrow_mut().restored(),
        };
        if let Some(earlier) = earlier {
            let ops = &restored.replica.ops;
            let is_kept = |id| ops.iter().any(|op| op.id == id);
            if disown::<Document>(&earlier, &mut app.witness, is_kept) {
                for (id, op) in earlier.ops {
                    let waits = is_kept(id);
                    app.submitted(id, Op { waits, ..op });
                }
            }
        }
        let app = Rc::new(RefCell::new(app));
        let host = DocumentHost::new(birth.clone(), restored, app.clone(), outbox.clone());
        (app, Box::pin(live(birth, host, commands)))
    }

    fn witness(app: &App) -> &Witness {
        &app.witness
    }

    fn witness_mut(app: &mut App) -> &mut Witness {
        &mut app.witness
    }

    fn waiting(app: &App) -> Vec<(OpId, OpKey)> {
        let waiting = app.ops.iter().filter(|(_, op)| op.waits);
        waiting.map(|(id, op)| (*id, op.key)).collect()
    }

    fn faults(app: &App) -> Vec<String> {
        app.faults()
    }
}
