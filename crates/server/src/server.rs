//! The server as a whole: its parts are put together, and taken apart in order when it ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::connection::ConnectionLimits;
use crate::front::Front;
use crate::handshake::Origins;
use crate::limits::MAX_HTTP_CONNECTIONS;
use crate::listener;
use crate::log::Store;
use crate::rooms::Policy;
use crate::worker::Worker;

/// What an operator chooses.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Addresses to listen on; port 0 takes a free one.
    pub listen: Vec<SocketAddr>,
    /// Threads that serve rooms; at least one.
    pub threads: usize,
    /// WebSocket connections at a time.
    pub max_connections: usize,
    /// For every connection.
    pub connection: ConnectionLimits,
    /// For every room.
    pub rooms: Policy,
    /// How long a request's head may take.
    pub handshake_timeout: Duration,
    /// Which pages may connect.
    pub origins: Origins,
    /// The folder whose files are served.
    pub web: Option<PathBuf>,
}

/// A server that runs.
pub struct Server {
    addresses: Vec<SocketAddr>,
    front: Arc<Front>,
    shutdown: watch::Sender<bool>,
}

/// Why a server could not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address is taken or is not of this machine.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The system gave no thread.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

impl Server {
    /// Listens on all addresses and begins to serve. Must be called within a Tokio runtime.
    pub async fn start(settings: Settings, store: Arc<dyn Store>) -> Result<Server, StartError> {
        let mut listeners = Vec::new();
        for &address in &settings.listen {
            let listener = TcpListener::bind(address).await;
            listeners.push(listener.map_err(|source| StartError::Listen { address, source })?);
        }
        let addresses = listeners
            .iter()
            .map(TcpListener::local_addr)
            .collect::<io::Result<_>>();
        let addresses = addresses.map_err(StartError::Thread)?;
        let (shutdown, watch) = watch::channel(false);
        let workers = (0..settings.threads.max(1))
            .map(|n| {
                Worker::start(
                    format!("rooms-{n}"),
                    store.clone(),
                    settings.connection,
                    settings.rooms,
                    watch.clone(),
                )
            })
            .collect::<io::Result<_>>()
            .map_err(StartError::Thread)?;
        let front = Arc::new(Front {
            workers,
            store,
            shutdown: watch,
            places: Arc::new(Semaphore::new(settings.max_connections)),
            origins: settings.origins,
            handshake_timeout: settings.handshake_timeout,
            web: settings.web,
        });
        let places = Arc::new(Semaphore::new(MAX_HTTP_CONNECTIONS));
        for listener in listeners {
            tokio::spawn(listener::run(listener, front.clone(), places.clone()));
        }
        Ok(Server {
            addresses,
            front,
            shutdown,
        })
    }

    /// The addresses it listens on, in the order of the settings.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Accepts no more, tells every client that the server goes away, and returns when they are gone and
    /// everything they sent is stored.
    pub async fn shut_down(self) {
        self.shutdown.send_replace(true);
        let front = self.front;
        let workers = {
            // HTTP connections still hold the front; nothing but their sockets depends on them.
            let joining = tokio::task::spawn_blocking(move || front.workers.iter().for_each(Worker::join));
            joining.await
        };
        if workers.is_err() {
            tracing::error!("waiting for the worker threads failed");
        }
    }
}
