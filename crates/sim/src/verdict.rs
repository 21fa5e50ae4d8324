//! What must hold when all is quiet, and when everybody has gone.

use std::collections::BTreeMap;

use patchcast_protocol::entry::NewEntry;
use patchcast_protocol::ids::{Author, Epoch};
use patchcast_session::Phase;

use crate::app::App;
use crate::ledger::Fate;
use crate::plain;
use crate::stage::Stage;
use crate::world::World;

impl Stage {
    /// Compares what everybody has with the logs and with each other.
    pub(crate) fn check(&self, when: &str) {
        self.give_up_on_the_stopped();
        let world = &self.world;
        let fail = |what: String| world.fail(format_args!("{when}: {what}"));
        for (client, state) in self.clients.iter().enumerate() {
            let lives = state.lives.iter().map(|life| life.app.borrow());
            let living: Vec<_> = lives.filter(|app| app.phase != Phase::Closed).collect();
            if living.len() != 1 {
                fail(format!("client {client} has {} lives", living.len()));
            }
            for app in living {
                for what in self.faults_of(client, &app) {
                    fail(format!("client {client} {what}"));
                }
            }
        }
        for what in world.ledger().audit(&self.logs()) {
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

    /// Of what a life waited for that was told to stop, nobody knows what became.
    fn give_up_on_the_stopped(&self) {
        let mut ledger = self.world.ledger();
        for life in self.clients.iter().flat_map(|client| &client.lives) {
            let app = life.app.borrow();
            if app.phase == Phase::Closed {
                for waiting in app.waiting.values() {
                    if ledger.fate(waiting.key) == Some(Fate::Waiting) {
                        ledger.settle(waiting.key, Fate::Unknown);
                    }
                }
            }
        }
    }

    fn faults_of(&self, client: usize, app: &App) -> Vec<String> {
        let mut faults = Vec::new();
        if app.phase != Phase::Live {
            faults.push(format!("is {:?}", app.phase));
        }
        if !app.waiting.is_empty() {
            let ids: Vec<_> = app.waiting.keys().collect();
            faults.push(format!("waits for {ids:?}"));
        }
        let log = self.world.disk.entries(&self.world.room_of(client));
        let same = app.view.len() == log.len()
            && app.view.iter().zip(&log).all(|(seen, entry)| {
                seen.author == entry.author && seen.id == entry.op && seen.data.as_bytes() == entry.payload
            });
        if !same {
            faults.push(format!(
                "has {} of {} entries, or others",
                app.view.len(),
                log.len()
            ));
        }
        if self.world.setup.clients[client].watches {
            let shown = self.shown_in(self.world.setup.clients[client].room);
            if app.presence != shown {
                faults.push(format!("sees {:?}, and there is {shown:?}", app.presence));
            }
        }
        faults
    }

    /// What the living show in a room.
    fn shown_in(&self, room: usize) -> BTreeMap<Author, String> {
        let mut shown = BTreeMap::new();
        for (client, state) in self.clients.iter().enumerate() {
            if self.world.setup.clients[client].room != room {
                continue;
            }
            for life in &state.lives {
                let app = life.app.borrow();
                if let (Phase::Live, Some(shows)) = (app.phase, &app.shows) {
                    shown.insert(app.author, shows.clone());
                }
            }
        }
        shown
    }

    fn logs(&self) -> Vec<(Epoch, Vec<NewEntry>)> {
        let mut rooms: Vec<_> = (0..self.clients.len())
            .map(|client| self.world.room_of(client))
            .collect();
        rooms.sort();
        rooms.dedup();
        let disk = &self.world.disk;
        let log = |room| Some((disk.epoch(&room)?, disk.entries(&room)));
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
