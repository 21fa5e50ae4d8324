//! What must hold when all is quiet, and when everybody has gone.

use std::collections::BTreeMap;

use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Author;
use patchcast_protocol::room::RoomId;
use patchcast_session::Phase;

use crate::document;
use crate::ledger::StoredLog;
use crate::plain;
use crate::stage::Stage;
use crate::world::World;

impl Stage {
    /// Compares what everybody has with the logs and with each other.
    pub(crate) fn check(&self, when: &str) {
        let world = &self.world;
        let fail = |what: String| world.fail(format_args!("{when}: {what}"));
        for (client, state) in self.clients.iter().enumerate() {
            state.give_up();
            for what in state.faults().into_iter().chain(self.blindness_of(client)) {
                fail(format!("client {client} {what}"));
            }
        }
        let logs = self.logs();
        let documents = logs.iter().filter(|log| log.room.dialect == Dialect::Documents);
        for what in documents.flat_map(|log| document::audit(world, log)) {
            fail(what);
        }
        for what in world.ledger().audit(&logs) {
            fail(what);
        }
        for (client, plain) in self.plain.iter().enumerate() {
            let dialect = world.setup.plain[client];
            let board = plain.board.borrow();
            let expected = plain::expected(dialect, &world.plain_log(dialect), &board.sent);
            if board.seen != expected {
                fail(format!(
                    "plain client {client} has seen {:?} instead of {expected:?}",
                    board.seen
                ));
            }
        }
    }

    /// What is wrong with what a client knows of the others' presence.
    fn blindness_of(&self, client: usize) -> Vec<String> {
        let setup = self.world.setup.clients[client];
        if !setup.watches {
            return Vec::new();
        }
        let shown = self.shown_in(&self.world.room_of(client));
        let living = self.clients[client].witnesses();
        let living = living.iter().filter(|witness| witness.phase != Phase::Closed);
        let blind = living.filter(|witness| witness.presence != shown);
        blind
            .map(|witness| format!("sees {:?}, and there is {shown:?}", witness.presence))
            .collect()
    }

    /// What the living show in a room.
    fn shown_in(&self, room: &RoomId) -> BTreeMap<Author, String> {
        let witnesses = self.clients.iter().flat_map(|client| client.witnesses());
        let here = witnesses.filter(|witness| witness.phase == Phase::Live && witness.room == *room);
        here.filter_map(|witness| Some((witness.author, witness.shows.clone()?)))
            .collect()
    }

    fn logs(&self) -> Vec<StoredLog> {
        let mut rooms: Vec<_> = (0..self.clients.len())
            .map(|client| self.world.room_of(client))
            .collect();
        rooms.sort();
        rooms.dedup();
        let disk = &self.world.disk;
        let log = |room| {
            Some(StoredLog {
                epoch: disk.epoch(&room)?,
                entries: disk.entries(&room),
                room,
            })
        };
        rooms.into_iter().filter_map(log).collect()
    }
}

/// Everybody has gone: so must everything that was there for them.
pub(crate) async fn nothing_is_left(world: &World) {
    if let Some(server) = &*world.server() {
        let (connections, rooms) = (server.connections(), server.open_rooms());
        if (connections, rooms) != (0, 0) {
            world.fail(format_args!(
                "{connections} connections and {rooms} rooms are left"
            ));
        }
    }
    let (links, logs) = (world.links_alive(), world.disk.open_logs());
    if (links, logs) != (0, 0) {
        world.fail(format_args!("{links} links and {logs} open logs are left"));
    }
    if let Some(server) = world.take_server()
        && !server.ends_by_itself().await
    {
        world.fail(format_args!("tasks of the server are left"));
    }
}
