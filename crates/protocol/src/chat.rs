//! The messages of the chat dialect.

use serde::{Deserialize, Serialize};

use crate::Malformed;
use crate::ids::Timestamp;
use crate::limits::{MAX_CHAT_TEXT_BYTES, MAX_CHAT_USER_BYTES};

/// What a chat client sends. Members it does not define are not passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatPost {
    /// The name that the writer gave, at most [`MAX_CHAT_USER_BYTES`] bytes.
    pub user: String,
    /// What was written, at most [`MAX_CHAT_TEXT_BYTES`] bytes.
    pub text: String,
}

/// One message as everyone is shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMessage {
    /// The name that the writer gave.
    pub user: String,
    /// What was written.
    pub text: String,
    /// When the server accepted it, in milliseconds since 1970.
    pub time: u64,
}

impl ChatPost {
    /// Reads a client's message, which must be an object with the strings `user` and `text`.
    pub fn parse(text: &str) -> Result<ChatPost, Malformed> {
        let post: ChatPost = serde_json::from_str(text)?;
        if post.user.len() > MAX_CHAT_USER_BYTES {
            return Err(Malformed::WrongShape(format!(
                "user is longer than {MAX_CHAT_USER_BYTES} bytes"
            )));
        }
        if post.text.len() > MAX_CHAT_TEXT_BYTES {
            return Err(Malformed::WrongShape(format!(
                "text is longer than {MAX_CHAT_TEXT_BYTES} bytes"
            )));
        }
        Ok(post)
    }

    /// The message that it becomes when the server accepts it at `time`.
    pub fn accepted_at(self, time: Timestamp) -> ChatMessage {
        ChatMessage {
            user: self.user,
            text: self.text,
            time: time.0,
        }
    }
}

impl ChatMessage {
    /// The message as JSON text.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of strings and a number has a JSON form")
    }
}

/// The message that every client gets: `{"msg":[...]}` around messages that are JSON text already, given
/// newest first.
pub fn window_message<'a>(newest_first: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut message = b"{\"msg\":[".to_vec();
    for (index, item) in newest_first.into_iter().enumerate() {
        if index > 0 {
            message.push(b',');
        }
        message.extend_from_slice(item);
    }
    message.extend_from_slice(b"]}");
    message
}
