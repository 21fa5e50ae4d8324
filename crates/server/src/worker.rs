//! One thread of the server: the rooms that are pinned to it, and their connections.

use std::convert::Infallible;
use std::net::TcpStream as StdTcpStream;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread;

use patchcast_protocol::room::RoomId;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use crate::clock::Clock;
use crate::connection::ConnectionLimits;
use crate::limits::SHUTDOWN_TIMEOUT;
use crate::log::Store;
use crate::rooms::{Policy, Rooms};

/// A socket whose handshake is done, on its way to its room's thread.
pub struct Accepted {
    /// The socket.
    pub stream: StdTcpStream,
    /// What was read of it beyond the handshake.
    pub leftover: Vec<u8>,
    /// Where it goes.
    pub room: RoomId,
    /// Its place among all connections, given back when it ends.
    pub permit: OwnedSemaphorePermit,
}

/// The way to a worker thread.
pub struct Worker {
    accepted: mpsc::UnboundedSender<Accepted>,
    thread: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Worker {
    /// Starts a thread that serves rooms until `shutdown` changes.
    pub fn start(
        name: String,
        store: Arc<dyn Store>,
        limits: ConnectionLimits,
        policy: Policy,
        shutdown: watch::Receiver<bool>,
    ) -> std::io::Result<Worker> {
        let (accepted, receiver) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let thread = thread::Builder::new().name(name).spawn(move || {
            let rooms = Rooms::new(store, Clock::system(), limits, policy);
            LocalSet::new().block_on(&runtime, serve(rooms, receiver, shutdown));
        })?;
        Ok(Worker {
            accepted,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Hands over a socket. During a shutdown it is dropped.
    pub fn take(&self, accepted: Accepted) {
        // The receiver is gone only when the worker has shut down.
        let _ = self.accepted.send(accepted);
    }

    /// Waits until the thread, which was told to shut down, has closed its connections.
    pub fn join(&self) {
        let thread = self
            .thread
            .lock()
            .expect("no code panics while it holds this lock")
            .take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a worker thread panicked");
        }
    }
}

async fn serve(
    rooms: Rc<Rooms>,
    mut accepted: mpsc::UnboundedReceiver<Accepted>,
    mut shutdown: watch::Receiver<bool>,
) {
    // Every connection holds a sender, so the receiver ends when the last of them has.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let start = |accepted: Accepted| {
        let (rooms, alive) = (rooms.clone(), alive.clone());
        spawn_local(async move {
            match own(accepted.stream) {
                Ok(stream) => {
                    Box::pin(rooms.connect(Box::new(stream), accepted.leftover, accepted.room)).await;
                }
                Err(error) => tracing::debug!(%error, "a connection could not be taken over"),
            }
            drop((alive, accepted.permit));
        });
    };
    loop {
        tokio::select! {
            biased;
            _ = shutdown.wait_for(|shutdown| *shutdown) => break,
            connection = accepted.recv() => match connection {
                Some(connection) => start(connection),
                None => break,
            }
        }
    }
    rooms.shut_down();
    // Those whose handshake was answered before join once more, to be told why they have to go.
    accepted.close();
    while let Some(connection) = accepted.recv().await {
        start(connection);
    }
    drop(alive);
    if timeout(SHUTDOWN_TIMEOUT, all_gone.recv()).await.is_err() {
        tracing::warn!("some connections did not close in time");
    }
}

fn own(stream: StdTcpStream) -> std::io::Result<TcpStream> {
    let stream = TcpStream::from_std(stream)?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
