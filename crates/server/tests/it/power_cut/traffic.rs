//! What the clients of a recorded server do: messages that can be told apart wherever they turn up.

use std::collections::HashMap;
use std::net::SocketAddr;

use crate::harness::{Client, client_of};

/// A message's mark, which is found in any bytes that hold the message: `#`, the room's letter, four digits, `#`.
pub type Mark = [u8; 7];

/// The rooms, each with its letter. The last one is a chat.
pub const ROOMS: [char; 3] = ['a', 'b', 'c'];

/// Whether the room with this letter is a chat.
pub fn is_chat(room: char) -> bool {
    room == 'c'
}

/// All messages that were sent, by their mark.
#[derive(Default)]
pub struct Traffic {
    sent: HashMap<Mark, String>,
}

/// Two clients in each room.
pub struct Clients(HashMap<char, [Client; 2]>);

impl Clients {
    /// Joins the rooms of a server.
    pub async fn join(server: SocketAddr) -> Clients {
        let mut clients = HashMap::new();
        for room in ROOMS {
            let join = async || {
                let subprotocol = is_chat(room).then_some("json");
                let mut client = client_of(server, &format!("/{room}"), subprotocol).await;
                client.text().await;
                client
            };
            clients.insert(room, [join().await, join().await]);
        }
        Clients(clients)
    }
}

impl Traffic {
    /// The message with this mark, if there is one: the text of a frame, of a chat message the text alone.
    pub fn message(&self, mark: &Mark) -> Option<&str> {
        self.sent.get(mark).map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Sends `count` messages of about `size` bytes from one client of a room, and returns when the other has
    /// got the last of them.
    pub async fn burst(&mut self, clients: &mut Clients, room: char, count: usize, size: usize) {
        let [from, to] = clients.0.get_mut(&room).unwrap();
        let mut last = String::new();
        for _ in 0..count {
            last = format!("#{room}{:04}#", self.sent.len());
            // Pages differ, so that none is taken for another, and hold no second mark.
            let filling = last.replace('#', ".").repeat(size / last.len());
            let (frame, message) = if is_chat(room) {
                let text = last.clone() + &filling;
                (format!(r#"{{"user":"u","text":"{text}"}}"#), text)
            } else {
                let frame = format!(r#"[{{"op":"add","path":["{last}"],"value":"{filling}"}}]"#);
                (frame.clone(), frame)
            };
            self.sent.insert(last.as_bytes().try_into().unwrap(), message);
            from.send(frame).await;
        }
        while !to.text().await.contains(&last) {}
        if is_chat(room) {
            while !from.text().await.contains(&last) {}
        }
        // The next burst goes the other way.
        clients.0.get_mut(&room).unwrap().swap(0, 1);
    }

    /// Bursts of small messages, one after the other in every room.
    pub async fn small_bursts(&mut self, clients: &mut Clients, counts: &[usize]) {
        for &count in counts {
            for room in ROOMS {
                self.burst(clients, room, count, 0).await;
            }
        }
    }
}

/// The marks in `bytes`.
pub fn marks(bytes: &[u8]) -> impl Iterator<Item = Mark> {
    bytes.windows(size_of::<Mark>()).filter_map(|window| {
        let mark: Mark = window.try_into().unwrap();
        let is_mark = mark[0] == b'#' && mark[6] == b'#' && mark[2..6].iter().all(u8::is_ascii_digit);
        (is_mark && ROOMS.contains(&char::from(mark[1]))).then_some(mark)
    })
}
