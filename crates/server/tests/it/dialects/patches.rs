//! Without a subprotocol: arrays of Immer patches, forwarded as they are.

use tokio::sync::oneshot;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::harness::{Client, Opcode, Raw, Server, frame, history, patch};

#[tokio::test]
async fn the_first_to_join_gets_an_empty_history() {
    let server = Server::start(&[]).await;
    let (_, history) = Client::join(&server, "/").await;
    assert_eq!(history, "[]");
}

/// What only a byte for byte copy keeps: white space, the spelling of numbers and escapes, members unknown
/// and in odd order, values that are absent.
const PECULIAR: [&str; 9] = [
    r#"[{"op":"replace","path":["gifts",0,"reservedBy"],"value":1}]"#,
    " [ { \"value\" : 1.50 , \"op\":\"add\",\n\t\"path\" : [ ] } ] \r\n",
    r#"[{"op":"add","path":["n"],"value":[1e2,1E+2,100,1.0e-7,-0,0.1,123456789012345678901234567890]}]"#,
    r#"[{"op":"add","path":["s"],"value":"\u00e9é\/\ud83d\ude00😀\u0000"}]"#,
    r#"[{"op":"replace","path":["absent"]},{"op":"replace","path":["null"],"value":null}]"#,
    r#"[{"by":"ann","op":"remove","path":["a\u002eb",3],"at":{"z":1,"a":2}}]"#,
    r#"[{"op":"replace","path":["length"],"value":2},{"op":"remove","path":[""]}]"#,
    "[]",
    " [\n] ",
];

#[tokio::test]
async fn others_get_the_senders_frame_byte_for_byte_and_the_sender_gets_nothing() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/gifts").await;
    let (mut bob, _) = Client::join(&server, "/gifts").await;
    let (mut eve, _) = Client::join(&server, "/gifts").await;
    for message in PECULIAR {
        ann.send(message).await;
        assert_eq!(bob.text().await, message);
        assert_eq!(eve.text().await, message);
    }
    // Had anything come back to its sender, it would come before what Bob sends now.
    let last = patch("last", 1);
    bob.send(&last).await;
    assert_eq!(ann.text().await, last);
    assert_eq!(eve.text().await, last);
}

#[tokio::test]
async fn the_history_is_one_array_of_all_patches_as_they_were_written_and_outlives_a_restart() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/gifts").await;
    let (mut bob, _) = Client::join(&server, "/gifts").await;
    let sent: Vec<_> = PECULIAR.map(str::to_owned).into();
    for message in &sent {
        ann.send(message).await;
        bob.text().await;
    }
    let expected = history(&sent);
    let patches: Vec<serde_json::Value> = serde_json::from_str(&expected).unwrap();
    assert_eq!(patches.len(), 9, "{expected}");
    let (_, history) = Client::join(&server, "/gifts").await;
    assert_eq!(history, expected);
    let server = Server::on(server.terminate().await, &[]).await;
    let (_, history) = Client::join(&server, "/gifts").await;
    assert_eq!(history, expected);
    let server = Server::on(server.kill().await, &[]).await;
    let (_, history) = Client::join(&server, "/gifts").await;
    assert_eq!(history, expected);
}

#[tokio::test]
async fn empty_arrays_are_forwarded_and_add_nothing_to_the_history() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    for message in ["[]", "[ ]"] {
        ann.send(message).await;
        assert_eq!(bob.text().await, message);
    }
    let (_, none) = Client::join(&server, "/").await;
    assert_eq!(none, "[]");
    let sent = ["[]".to_owned(), patch("a", 1), "[]".to_owned(), patch("b", 2)];
    for message in &sent {
        ann.send(message).await;
        assert_eq!(&bob.text().await, message);
    }
    let (_, both) = Client::join(&server, "/").await;
    assert_eq!(both, history(&sent));
    assert_eq!(both.matches("op").count(), 2);
}

#[tokio::test]
async fn what_one_client_sends_arrives_in_its_order() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let sent: Vec<_> = (0..2_000).map(|n| patch("n", n)).collect();
    for message in &sent {
        ann.send(message).await;
    }
    for message in &sent {
        assert_eq!(&bob.text().await, message);
    }
    let (_, all) = Client::join(&server, "/").await;
    assert_eq!(all, history(&sent));
}

#[tokio::test]
async fn a_message_in_fragments_is_forwarded_whole() {
    let server = Server::start(&[]).await;
    let mut ann = Raw::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    // Cut within a character, with a ping between and an empty fragment.
    let message = patch("ä", "ö€😀");
    let at = message.find('€').unwrap() + 1;
    let mut bytes = frame(Opcode::TEXT, &message.as_bytes()[..at]);
    bytes.extend(frame(Opcode::FIN | Opcode::PING, b"between"));
    bytes.extend(frame(Opcode::CONTINUATION, b""));
    bytes.extend(frame(
        Opcode::FIN | Opcode::CONTINUATION,
        &message.as_bytes()[at..],
    ));
    ann.send(&bytes).await;
    assert_eq!(bob.text().await, message);
    assert_eq!(ann.text().await, "[]");
    let pong = ann.frame().await.unwrap();
    assert_eq!((pong.opcode, &pong.payload[..]), (Opcode::PONG, &b"between"[..]));
}

#[tokio::test]
async fn frames_that_come_with_the_handshake_or_byte_by_byte_are_read() {
    let server = Server::start(&[]).await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let (first, second) = (patch("first", 1), patch("second", 2));
    let mut ann = Raw::connect(server.address()).await;
    let mut bytes = crate::harness::handshake("/", "").into_bytes();
    bytes.extend(frame(Opcode::FIN | Opcode::TEXT, first.as_bytes()));
    ann.send(&bytes).await;
    assert!(ann.head().await.starts_with("HTTP/1.1 101 "));
    assert_eq!(bob.text().await, first);
    for byte in frame(Opcode::FIN | Opcode::TEXT, second.as_bytes()) {
        ann.send(&[byte]).await;
    }
    assert_eq!(bob.text().await, second);
}

#[tokio::test]
async fn a_ping_is_answered_while_others_messages_stream_by() {
    let server = Server::start(&[]).await;
    let mut ann = Raw::join(&server, "/").await;
    assert_eq!(ann.text().await, "[]");
    let (mut bob, _) = Client::join(&server, "/").await;
    let (enough, mut stop) = oneshot::channel::<()>();
    let writer = tokio::spawn(async move {
        let mut sent = Vec::new();
        while stop.try_recv().is_err() {
            sent.push(patch("n", sent.len()));
            bob.send(&sent[sent.len() - 1]).await;
            tokio::task::yield_now().await;
        }
        (bob, sent)
    });
    let mut received = vec![ann.text().await];
    for n in 0..20 {
        ann.send(&frame(Opcode::FIN | Opcode::PING, &[n])).await;
        loop {
            let frame = ann.frame().await.unwrap();
            if frame.opcode == Opcode::PONG {
                assert_eq!(frame.payload, [n]);
                break;
            }
            received.push(String::from_utf8(frame.payload).unwrap());
        }
    }
    enough.send(()).unwrap();
    let (_bob, sent) = writer.await.unwrap();
    while received.len() < sent.len() {
        received.push(ann.text().await);
    }
    assert_eq!(received, sent);
}

#[tokio::test]
async fn a_message_of_the_largest_size_is_forwarded_and_kept() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let (mut bob, _) = Client::join(&server, "/").await;
    let empty = patch("big", "").len();
    let message = patch("big", "x".repeat((1 << 20) - empty));
    assert_eq!(message.len(), 1 << 20);
    ann.send(&message).await;
    assert!(bob.text().await == message);
    // The same in many fragments.
    for (index, part) in message.as_bytes().chunks(10_000).enumerate() {
        let opcode = if index == 0 { Data::Text } else { Data::Continue };
        let last = (index + 1) * 10_000 >= message.len();
        let frame = Frame::message(part.to_vec(), OpCode::Data(opcode), last);
        ann.send_message(Message::Frame(frame)).await;
    }
    assert!(bob.text().await == message);
    let (_, both) = Client::join(&server, "/").await;
    assert!(both == history([&message, &message]));
}

#[tokio::test]
async fn a_client_that_closes_gets_its_close_back_and_others_do_not_notice() {
    let server = Server::start(&[]).await;
    let (mut ann, _) = Client::join(&server, "/").await;
    let mut bob = Raw::join(&server, "/").await;
    assert_eq!(bob.text().await, "[]");
    bob.send(&frame(Opcode::FIN | Opcode::CLOSE, b"\x03\xe8bye"))
        .await;
    let close = bob.frame().await.unwrap();
    assert_eq!(
        (close.opcode, &close.payload[..2]),
        (Opcode::CLOSE, &b"\x03\xe8"[..])
    );
    assert_eq!(bob.frame().await, None);
    let (mut eve, _) = Client::join(&server, "/").await;
    eve.send(patch("a", 1)).await;
    assert_eq!(ann.text().await, patch("a", 1));
}
