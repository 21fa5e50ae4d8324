//! A connection that is cut after every single byte of a conversation, in either direction: no op and no entry is lost or doubled.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use patchcast_client::{Client, Event, Events, Options, RawValue};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::harness::{Server, Session, within};

/// Ops that each of the two clients submits.
const OPS: usize = 3;

/// Conversations that run at the same time.
const AT_ONCE: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// Where the first connection through a proxy is cut.
#[derive(Clone, Copy, Debug)]
struct Cut {
    direction: Direction,
    after: u64,
}

#[tokio::test]
async fn every_op_is_there_once_and_in_order_wherever_the_connection_is_cut() {
    let server = Arc::new(Server::start(&["--store", "memory"]).await);
    // Two more than in a conversation that nothing disturbs, so the last cuts do not happen.
    let [to_server, to_client] = converse(&server, "/uncut", None).await;
    let cuts = |direction, bytes| (0..=bytes + 1).map(move |after| Cut { direction, after });
    let cuts = cuts(Direction::ToServer, to_server).chain(cuts(Direction::ToClient, to_client));
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut conversations = JoinSet::new();
    let mut count = 0;
    for cut in cuts {
        let place = places.clone().acquire_owned().await.unwrap();
        let server = server.clone();
        conversations.spawn(async move {
            let room = format!("/cut/{:?}/{}", cut.direction, cut.after);
            within(&format!("{cut:?}"), converse(&server, &room, Some(cut))).await;
            drop(place);
        });
        count += 1;
    }
    while let Some(conversation) = conversations.join_next().await {
        conversation.unwrap();
    }
    assert!(count > 1_000, "{count} cuts");
}

/// Two clients write into a room, one of them through a proxy that cuts its first connection. Checks what both have seen, and
/// returns the bytes of that first connection in both directions.
async fn converse(server: &Server, room: &str, cut: Option<Cut>) -> [u64; 2] {
    let proxy = Proxy::start(server.address(), cut).await;
    let ann = connect(proxy.address, room);
    let bob = connect(server.address(), room);
    let (ann, bob) = tokio::join!(write_and_read("ann", ann), write_and_read("bob", bob));
    let mut reader = Session::join(server, room, "reader").await;
    let log = reader.entries(2 * OPS).await;
    reader.nothing_more().await;
    for (name, (seen, acked)) in [("ann", ann), ("bob", bob)] {
        assert_eq!(seen, log, "{name} in {room}");
        for (n, seq) in acked.into_iter().enumerate() {
            assert_eq!(log[seq as usize - 1][1], format!("{name} {n}"), "{room}");
        }
    }
    proxy.bytes()
}

fn connect(address: SocketAddr, room: &str) -> (Client, Events) {
    let mut options = Options::default();
    options.config.backoff.min = Duration::from_millis(1);
    options.config.backoff.max = Duration::from_millis(4);
    Client::connect(&format!("ws://{address}{room}"), options).unwrap()
}

/// What the client was shown, as `[seq, data]`, and under which numbers its ops were acknowledged.
async fn write_and_read(name: &str, (client, mut events): (Client, Events)) -> (Vec<Value>, Vec<u64>) {
    let write = async {
        let mut acked = Vec::new();
        let mut receipts = Vec::new();
        for n in 0..OPS {
            let data = RawValue::from_string(json!(format!("{name} {n}")).to_string()).unwrap();
            receipts.push(client.submit(data).await);
        }
        for receipt in receipts {
            acked.push(receipt.await.unwrap().seq.0);
        }
        acked
    };
    let read = async {
        let mut seen: Vec<Value> = Vec::new();
        while seen.len() < 2 * OPS {
            match events.next().await.expect("the client goes on") {
                Event::Entry(entry) => {
                    let data: Value = serde_json::from_str(entry.data.get()).unwrap();
                    seen.push(json!([entry.seq.0, data]));
                }
                Event::Reset { code, reason } => panic!("{code:?}: {reason}"),
                Event::Closed(closure) => panic!("{closure:?}"),
                _ => {}
            }
        }
        seen
    };
    let (acked, seen) = tokio::join!(write, read);
    client.close().await;
    (seen, acked)
}

/// Forwards connections to a server, and cuts the first of them.
struct Proxy {
    address: SocketAddr,
    first: Arc<[AtomicU64; 2]>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    async fn start(server: SocketAddr, cut: Option<Cut>) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let first: Arc<[AtomicU64; 2]> = Arc::default();
        let counters = first.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            let (mut cut, mut counters) = (cut, counters);
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(server).await.unwrap();
                connections.spawn(forward(client, server, cut.take(), std::mem::take(&mut counters)));
            }
        });
        Proxy { address, first, task }
    }

    fn bytes(&self) -> [u64; 2] {
        [&self.first[0], &self.first[1]].map(|count| count.load(Ordering::Relaxed))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(client: TcpStream, server: TcpStream, cut: Option<Cut>, bytes: Arc<[AtomicU64; 2]>) {
    // Some connections end in order, others with a reset.
    if cut.is_some_and(|cut| cut.after % 2 == 0) {
        socket2::SockRef::from(&client)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
        socket2::SockRef::from(&server)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let limit = |direction| cut.filter(|cut| cut.direction == direction).map(|cut| cut.after);
    let ended = Notify::new();
    let pump = async |from, to, direction, count| {
        copy(from, to, limit(direction), count).await;
        ended.notify_one();
    };
    // Whichever ends first ends both.
    tokio::select! {
        () = ended.notified() => {}
        _ = async {
            tokio::join!(
                pump(from_client, to_server, Direction::ToServer, &bytes[0]),
                pump(from_server, to_client, Direction::ToClient, &bytes[1]),
            )
        } => {}
    }
}

/// Copies until either end is gone or `limit` bytes are through.
async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, limit: Option<u64>, count: &AtomicU64) {
    let mut buffer = [0; 4096];
    loop {
        let left = limit.map_or(u64::MAX, |limit| limit - count.load(Ordering::Relaxed));
        if left == 0 {
            return;
        }
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        let part = &buffer[..read.min(left.min(4096) as usize)];
        count.fetch_add(part.len() as u64, Ordering::Relaxed);
        if to.write_all(part).await.is_err() {
            return;
        }
    }
}
