//! Accepts connections, as fast as they come and no faster than they can be held.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::front::Front;
use crate::limits::ACCEPT_PAUSE;

/// Accepts until the server shuts down. `places` bounds the connections in the HTTP stage.
pub async fn run(listener: TcpListener, front: Arc<Front>, places: Arc<Semaphore>) {
    let mut shutdown = front.shutdown.clone();
    loop {
        let place = places
            .clone()
            .acquire_owned()
            .await
            .expect("nobody closes the semaphore");
        let stream = tokio::select! {
            biased;
            _ = shutdown.wait_for(|shutdown| *shutdown) => return,
            stream = accept(&listener) => stream,
        };
        let front = front.clone();
        tokio::spawn(async move {
            front.serve(stream).await;
            drop(place);
        });
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            // That one client has gone; the next may be well.
            Err(error) if is_of_the_client(&error) => {}
            // Out of file descriptors or memory. Trying at once would spin, because the client still waits.
            Err(error) => {
                tracing::warn!(%error, pause = ?ACCEPT_PAUSE, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
