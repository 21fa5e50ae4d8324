//! How a WebSocket speaks to a room, chosen by `Sec-WebSocket-Protocol` in the handshake.

use std::fmt;

/// One way of speaking to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// No subprotocol: arrays of Immer patches, the whole history on joining.
    Patches,
    /// Subprotocol `json`: chat messages, the last few of them after every message.
    Chat,
    /// Subprotocol `patchcast.v1`: sessions, in which nothing is lost or doubled across reconnects.
    Sessions,
    /// What sessions become whose `hello` asks for a room of kind `document`. No handshake leads here: a document's room has a dialect of its own so
    /// that it is another one than the stream of the same name.
    Documents,
}

impl Dialect {
    /// Every dialect, those that a handshake leads to first.
    pub const ALL: [Dialect; 4] = [
        Dialect::Patches,
        Dialect::Chat,
        Dialect::Sessions,
        Dialect::Documents,
    ];

    /// The value of `Sec-WebSocket-Protocol`; `None` for the dialect of clients that ask for none.
    pub const fn subprotocol(self) -> Option<&'static str> {
        match self {
            Dialect::Patches => None,
            Dialect::Chat => Some("json"),
            Dialect::Sessions | Dialect::Documents => Some("patchcast.v1"),
        }
    }

    /// The dialect for the subprotocols that a client offers, in its order of preference; the first that is
    /// known wins. `None` when it offers only unknown ones: leaving the header out of the answer, as RFC 6455
    /// allows, would make a browser fail without a reason.
    pub fn negotiate<'a>(offered: impl IntoIterator<Item = &'a str>) -> Option<Dialect> {
        let mut offered = offered.into_iter().peekable();
        if offered.peek().is_none() {
            return Some(Dialect::Patches);
        }
        offered.find_map(|name| {
            Dialect::ALL
                .into_iter()
                .find(|dialect| dialect.subprotocol() == Some(name))
        })
    }

    /// The name under which the dialect's rooms are kept and logged.
    pub const fn name(self) -> &'static str {
        match self {
            Dialect::Patches => "patches",
            Dialect::Chat => "chat",
            Dialect::Sessions => "sessions",
            Dialect::Documents => "documents",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_subprotocol_wins() {
        assert_eq!(Dialect::negotiate([]), Some(Dialect::Patches));
        assert_eq!(Dialect::negotiate(["json"]), Some(Dialect::Chat));
        assert_eq!(Dialect::negotiate(["soap", "json"]), Some(Dialect::Chat));
        assert_eq!(Dialect::negotiate(["patchcast.v1"]), Some(Dialect::Sessions));
        assert_eq!(Dialect::negotiate(["soap"]), None);
        assert_eq!(Dialect::negotiate(["JSON"]), None);
    }
}
