//! Changes that cross: everybody comes to the same value, and every author hears what became of its op.

use serde_json::{Value, json};

use crate::harness::{Document, Server};

fn list() -> Value {
    json!({"l": [{"id": 1, "t": "a"}, {"id": 2, "t": "b"}, {"id": 3, "t": "c"}]})
}

/// Both as they are when both have all that there is.
async fn settle(ann: &mut Document, bob: &mut Document, head: u64) -> Value {
    ann.until(head).await;
    bob.until(head).await;
    assert_eq!(ann.value.to_string(), bob.value.to_string());
    ann.session.nothing_more().await;
    bob.session.nothing_more().await;
    ann.value.clone()
}

#[tokio::test]
async fn an_edit_follows_its_item() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", list()).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    let ack = ann.make(json!([{"op": "remove", "path": ["l", 0]}])).await;
    assert_eq!(
        (&ack["type"], &ack["seq"], &ack["outcome"]),
        (&json!("ack"), &json!(2), &Value::Null)
    );
    // Bob has not read that.
    let id = bob
        .change(json!([{"op": "replace", "path": ["l", 1, "t"], "value": "B"}]))
        .await;
    let ack = bob.answer(id).await;
    assert_eq!(
        (&ack["outcome"], &ack["conflicts"]),
        (&json!("transformed"), &Value::Null)
    );
    assert_eq!(
        ack["patches"],
        json!([{"op": "replace", "path": ["l", 0, "t"], "value": "B"}])
    );
    let value = settle(&mut ann, &mut bob, 3).await;
    assert_eq!(value, json!({"l": [{"id": 2, "t": "B"}, {"id": 3, "t": "c"}]}));
}

#[tokio::test]
async fn an_edit_of_what_was_removed_is_absorbed_and_its_author_hears_by_whom() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", list()).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    ann.make(json!([{"op": "remove", "path": ["l", 0]}])).await;
    let id = bob
        .change(json!([{"op": "replace", "path": ["l", 0, "t"], "value": "A"}]))
        .await;
    let ack = bob.answer(id).await;
    assert_eq!(
        (&ack["outcome"], &ack["patches"]),
        (&json!("absorbed"), &json!([]))
    );
    let expected = json!([{"path": ["l", 0], "lost": true, "seq": 2, "client": ann.session.id()}]);
    assert_eq!(ack["conflicts"], expected);
    let value = settle(&mut ann, &mut bob, 3).await;
    assert_eq!(value, json!({"l": [{"id": 2, "t": "b"}, {"id": 3, "t": "c"}]}));
}

#[tokio::test]
async fn ops_that_are_sent_one_behind_the_other_are_made_each_upon_the_one_before() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!([1, 2, 3])).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    ann.make(json!([{"op": "add", "path": [0], "value": "ann"}]))
        .await;
    let base = bob.seq;
    // What Bob sees: [b, 1, 2, 3], then [b, 1, c, 2, 3], then [b, 1, C, 2, 3].
    bob.op(json!({"base": base, "patches": [{"op": "add", "path": [0], "value": "b"}]}))
        .await;
    bob.op(json!({"base": base, "upon": 1, "patches": [{"op": "add", "path": [2], "value": "c"}]}))
        .await;
    let last = json!({"base": base, "upon": 1, "patches": [{"op": "replace", "path": [2], "value": "C"}]});
    let id = bob.op(last).await;
    bob.answer(id).await;
    let value = settle(&mut ann, &mut bob, 5).await;
    assert_eq!(value, json!(["ann", "b", 1, "C", 2, 3]));
}

#[tokio::test]
async fn a_reject_in_the_middle_takes_only_itself_out_of_what_was_made_upon_it() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"l": ["x"], "n": 0})).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    ann.make(json!([{"op": "replace", "path": ["n"], "value": 1}]))
        .await;
    let base = bob.seq;
    let strict = json!({
        "base": base, "strict": true,
        "patches": [{"op": "replace", "path": ["n"], "value": 2}, {"op": "add", "path": ["l", 0], "value": "of a reject"}],
    });
    bob.op(strict).await;
    bob.op(json!({"base": base, "upon": 1, "patches": [{"op": "add", "path": ["l", 2], "value": "end"}]}))
        .await;
    let reject = bob.answer(1).await;
    assert_eq!(
        (&reject["type"], &reject["code"]),
        (&json!("reject"), &json!("conflict"))
    );
    assert_eq!((&reject["path"], &reject["after"]), (&json!(["n"]), &json!(2)));
    let ack = bob.answer(2).await;
    assert_eq!(
        ack["patches"],
        json!([{"op": "add", "path": ["l", 1], "value": "end"}])
    );
    let value = settle(&mut ann, &mut bob, 3).await;
    assert_eq!(value, json!({"l": ["x", "end"], "n": 1}));
    // The next is upon neither.
    let ack = bob.make(json!([{"op": "remove", "path": ["l", 0]}])).await;
    assert_eq!(ack["outcome"], Value::Null);
    assert_eq!(settle(&mut ann, &mut bob, 4).await, json!({"l": ["end"], "n": 1}));
}

#[tokio::test]
async fn a_strict_op_that_meets_no_conflict_is_made_wherever_its_items_are_now() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", list()).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    ann.make(json!([{"op": "add", "path": ["l", 0], "value": {"id": 0}}]))
        .await;
    let id = bob
        .op(json!({"strict": true, "patches": [{"op": "replace", "path": ["l", 2, "t"], "value": "C"}]}))
        .await;
    assert_eq!(bob.answer(id).await["outcome"], "transformed");
    let value = settle(&mut ann, &mut bob, 3).await;
    assert_eq!(value["l"][3], json!({"id": 3, "t": "C"}));
}

#[tokio::test]
async fn an_op_that_is_sent_again_is_answered_again_and_made_once() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", list()).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    ann.make(json!([{"op": "remove", "path": ["l", 0]}])).await;
    let op = json!({"id": 1, "base": 1, "patches": [{"op": "replace", "path": ["l", 1, "t"], "value": "B"}]});
    bob.op(op.clone()).await;
    let first = bob.answer(1).await;
    let mut bob = bob.again(&server, "/", "bob").await;
    bob.op(op.clone()).await;
    assert_eq!(bob.answer(1).await, first);
    let mut other = op;
    other["patches"][0]["value"] = "X".into();
    bob.op(other).await;
    assert_eq!(bob.answer(1).await["code"], "id_reused");
    let value = settle(&mut ann, &mut bob, 3).await;
    assert_eq!(value, json!({"l": [{"id": 2, "t": "B"}, {"id": 3, "t": "c"}]}));
}

#[tokio::test]
async fn a_base_that_memory_has_forgotten_is_carried_over_what_the_store_has() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!({"l": ["x"], "pad": ""})).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    for n in 0..1_500 {
        let pad = json!([{"op": "replace", "path": ["pad"], "value": "p".repeat(300)}]);
        let insert = json!([{"op": "add", "path": ["l", 0], "value": n}]);
        ann.change(if n % 100 == 0 { insert } else { pad }).await;
    }
    ann.until(1_501).await;
    // Bob reads nothing of that, and says so.
    let id = bob
        .op(json!({"base": 1, "patches": [{"op": "replace", "path": ["l", 0], "value": "X"}]}))
        .await;
    let ack = bob.answer(id).await;
    assert_eq!(
        ack["patches"],
        json!([{"op": "replace", "path": ["l", 15], "value": "X"}])
    );
    let value = settle(&mut ann, &mut bob, 1_502).await;
    assert_eq!(value["l"][15], "X");
}

#[tokio::test]
async fn who_has_lost_its_value_sends_its_ops_with_the_bases_that_they_had() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", json!(["x", "y"])).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    ann.make(json!([{"op": "add", "path": [0], "value": "ann"}]))
        .await;
    let first = json!({"id": 1, "base": 1, "patches": [{"op": "add", "path": [0], "value": "first"}]});
    let second =
        json!({"id": 2, "base": 1, "upon": 1, "patches": [{"op": "replace", "path": [2], "value": "Y"}]});
    bob.op(first).await;
    bob.answer(1).await;
    // The ack of the first was lost, the second had not been sent, and neither has Bob's next life a value.
    let server = Server::on(server.kill().await, &[]).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    bob.op(second).await;
    let ack = bob.answer(2).await;
    assert_eq!(
        ack["patches"],
        json!([{"op": "replace", "path": [3], "value": "Y"}])
    );
    assert_eq!(bob.value, json!(["ann", "first", "x", "Y"]));
}

#[tokio::test]
async fn the_root_is_replaced_only_by_who_asks_for_it() {
    let server = Server::start(&[]).await;
    let mut ann = Document::open(&server, "/", "ann", list()).await;
    let mut bob = Document::join(&server, "/", "bob").await;
    let patches = json!([{"op": "replace", "path": [], "value": {"l": []}}]);
    assert_eq!(ann.make(patches.clone()).await["code"], "reset_needed");
    let id = ann.op(json!({"reset": true, "patches": patches})).await;
    assert_eq!(ann.answer(id).await["type"], "ack");
    assert_eq!(settle(&mut ann, &mut bob, 2).await, json!({"l": []}));
}
