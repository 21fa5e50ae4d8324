//! One life of the server: the real rooms in a set of tasks of their own, which a crash drops all at once.

use std::cell::Cell;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use patchcast_protocol::room::RoomId;
use patchcast_server::clock::Clock;
use patchcast_server::connection::ConnectionLimits;
use patchcast_server::limits::{DocumentPace, SHUTDOWN_TIMEOUT};
use patchcast_server::log::Store;
use patchcast_server::rooms::{Policy, Rooms};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::timeout;

use crate::link::LinkEnd;
use crate::plan::DocumentSetup;

/// What every connection of the simulated server is bound by. Messages are small, so that reaching their limit is cheap.
pub const LIMITS: ConnectionLimits = ConnectionLimits {
    max_message: 16 << 10,
    idle_timeout: Duration::from_secs(60),
    write_timeout: Duration::from_secs(30),
};

/// A server that runs.
pub struct Server {
    rooms: Rc<Rooms>,
    accept: mpsc::UnboundedSender<(LinkEnd, RoomId)>,
    shutdown: watch::Sender<bool>,
    connections: Rc<Cell<usize>>,
    tasks: JoinHandle<()>,
}

impl Server {
    /// Starts on what the store has.
    pub fn start(store: Arc<dyn Store>, clock: Clock, documents: DocumentSetup) -> Server {
        let policy = Policy {
            max_document: documents.max_bytes,
            retain: documents.retain,
            pace: DocumentPace {
                max_replay: documents.memory as u64,
                recent_entries: documents.memory,
                check_entries: documents.pace,
                snapshot_entries: 2 * documents.pace,
            },
            ..Policy::default()
        };
        let rooms = Rooms::new(store, clock, LIMITS, policy);
        let (accept, accepted) = mpsc::unbounded_channel();
        let (shutdown, told) = watch::channel(false);
        let connections = Rc::new(Cell::new(0));
        let set = LocalSet::new();
        set.spawn_local(serve(rooms.clone(), accepted, told, connections.clone()));
        Server {
            rooms,
            accept,
            shutdown,
            connections,
            tasks: spawn_local(set),
        }
    }

    /// Takes over a connection whose handshake is done; drops it when the server has ended.
    pub fn accept(&self, socket: LinkEnd, room: RoomId) {
        let _ = self.accept.send((socket, room));
    }

    /// Ends it in the middle of whatever it does.
    pub async fn crash(self) {
        self.tasks.abort();
        // The answer is that the task was aborted, or that it had ended already.
        let _ = self.tasks.await;
    }

    /// Tells it to shut down, and waits until it has: what it leaves behind after that is dropped, as by the end of a process.
    pub async fn shut_down(mut self) {
        self.shutdown.send_replace(true);
        let patience = SHUTDOWN_TIMEOUT + Duration::from_secs(1);
        if timeout(patience, &mut self.tasks).await.is_err() {
            self.crash().await;
        }
    }

    /// Connections that have not ended.
    pub fn connections(&self) -> usize {
        self.connections.get()
    }

    /// Rooms that somebody is in.
    pub fn open_rooms(&self) -> usize {
        self.rooms.open()
    }

    /// Accepts no more; whether all tasks then end by themselves, because nobody is connected.
    pub async fn ends_by_itself(self) -> bool {
        drop(self.accept);
        timeout(Duration::from_secs(30), self.tasks).await.is_ok()
    }
}

async fn serve(
    rooms: Rc<Rooms>,
    mut accepted: mpsc::UnboundedReceiver<(LinkEnd, RoomId)>,
    mut shutdown: watch::Receiver<bool>,
    connections: Rc<Cell<usize>>,
) {
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    loop {
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
            next = accepted.recv() => {
                let Some((socket, room)) = next else { return };
                let (rooms, alive) = (rooms.clone(), alive.clone());
                let counted = Counted::new(connections.clone());
                spawn_local(async move {
                    rooms.connect(Box::new(socket), Vec::new(), room).await;
                    drop((alive, counted));
                });
            }
        }
    }
    rooms.shut_down();
    accepted.close();
    drop(alive);
    let _ = timeout(SHUTDOWN_TIMEOUT, all_gone.recv()).await;
}

struct Counted(Rc<Cell<usize>>);

impl Counted {
    fn new(count: Rc<Cell<usize>>) -> Counted {
        count.set(count.get() + 1);
        Counted(count)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
