//! What patches may not do to a document, and where this differs from what JavaScript happens to do.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use patchcast_protocol::apply::ErrorKind::{
    ArrayKey, IndexOutOfRange, InvalidLength, LengthOutOfRange, Malformed, PathUnresolved, ReservedKey,
    TooDeep, TooLarge, UnsupportedOp,
};
use patchcast_protocol::apply::{Document, ErrorKind};
use patchcast_protocol::edit::Edit;
use patchcast_protocol::limits::{MAX_DOCUMENT_DEPTH, MAX_LENGTH_GROWTH};
use patchcast_protocol::patch::{Op, Patch};
use patchcast_protocol::path::Path;
use serde_json::{Value, json};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::{wasm_bindgen_test as test, wasm_bindgen_test_configure};

#[cfg(target_arch = "wasm32")]
wasm_bindgen_test_configure!(run_in_browser);

fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Applies a patch to a document; what fails leaves it as it was.
#[track_caller]
fn apply(document: &mut Document, patch: Value) -> Result<String, ErrorKind> {
    let before = document.clone();
    let outcome = document.apply_unread(vec![patch]);
    let outcome = outcome
        .map(|_| document.value().to_string())
        .map_err(|error| error.kind);
    if outcome.is_err() {
        assert_eq!(document.value().to_string(), before.value().to_string());
        assert_eq!(*document, before);
    }
    outcome
}

#[track_caller]
fn check(base: &str, patch: &str, expected: Result<&str, ErrorKind>) {
    let mut document = Document::new(parse(base)).unwrap();
    let outcome = apply(&mut document, parse(patch));
    assert_eq!(
        outcome.as_deref().map_err(|kind| *kind),
        expected,
        "{base} {patch}"
    );
}

#[test]
fn an_array_takes_indexes_its_length_and_its_end_and_nothing_that_splice_would_make_of_a_word() {
    for key in [
        "-1", "0.5", r#""foo""#, r#""""#, r#""01""#, r#"" 1""#, "1e21", "null", "true",
    ] {
        for op in ["add", "replace", "remove"] {
            check(
                "[1,2]",
                &format!(r#"{{"op":"{op}","path":[{key}],"value":9}}"#),
                Err(ArrayKey),
            );
        }
    }
    check("[1,2]", r#"{"op":"remove","path":["-"]}"#, Err(ArrayKey));
    check(
        "[1,2]",
        r#"{"op":"replace","path":["-"],"value":9}"#,
        Err(ArrayKey),
    );
    check("[1,2]", r#"{"op":"remove","path":["length"]}"#, Err(ArrayKey));
    check(
        "[1,2]",
        r#"{"op":"add","path":["length"],"value":1}"#,
        Err(ArrayKey),
    );
    check("[1,2]", r#"{"op":"add","path":["-"],"value":9}"#, Ok("[1,2,9]"));
    check("[1,2]", r#"{"op":"add","path":["1"],"value":9}"#, Ok("[1,9,2]"));
    check("[1,2]", r#"{"op":"add","path":[1.0],"value":9}"#, Ok("[1,9,2]"));
}

#[test]
fn an_index_may_be_that_of_the_end_where_something_is_put_and_never_beyond_it() {
    check("[1]", r#"{"op":"add","path":[1],"value":2}"#, Ok("[1,2]"));
    check("[1]", r#"{"op":"replace","path":[1],"value":2}"#, Ok("[1,2]"));
    check("[1]", r#"{"op":"remove","path":[1]}"#, Err(IndexOutOfRange));
    check(
        "[1]",
        r#"{"op":"move","path":[1],"from":0}"#,
        Err(IndexOutOfRange),
    );
    check(
        "[1]",
        r#"{"op":"move","path":[0],"from":1}"#,
        Err(IndexOutOfRange),
    );
    for index in ["2", "4294967295", "9007199254740991", r#""9007199254740991""#] {
        for op in ["add", "replace", "remove"] {
            check(
                "[1]",
                &format!(r#"{{"op":"{op}","path":[{index}],"value":2}}"#),
                Err(IndexOutOfRange),
            );
        }
    }
}

#[test]
fn an_item_moves_within_its_array() {
    check(
        "[0,1,2,3]",
        r#"{"op":"move","path":[2],"from":0}"#,
        Ok("[1,2,0,3]"),
    );
    check(
        "[0,1,2,3]",
        r#"{"op":"move","path":[0],"from":3}"#,
        Ok("[3,0,1,2]"),
    );
    check(
        "[0,1,2,3]",
        r#"{"op":"move","path":["3"],"from":3}"#,
        Ok("[0,1,2,3]"),
    );
    check(
        r#"{"a":[[1,2]]}"#,
        r#"{"op":"move","path":["a",0,1],"from":0}"#,
        Ok(r#"{"a":[[2,1]]}"#),
    );
    check("[0]", r#"{"op":"move","path":["-"],"from":0}"#, Err(ArrayKey));
    check(
        r#"{"0":1,"1":2}"#,
        r#"{"op":"move","path":[1],"from":0}"#,
        Err(UnsupportedOp),
    );
    check("[0]", r#"{"op":"move","path":[],"from":0}"#, Err(UnsupportedOp));
    check("[0]", r#"{"op":"move","path":[0]}"#, Err(UnsupportedOp));
    check(
        "[0]",
        r#"{"op":"move","path":[0],"from":"0"}"#,
        Err(UnsupportedOp),
    );
}

#[test]
fn the_length_of_an_array_cuts_it_and_grows_it_a_little() {
    let set = |length: &str| format!(r#"{{"op":"replace","path":["length"],"value":{length}}}"#);
    check("[1,2,3]", &set("1"), Ok("[1]"));
    check("[1,2,3]", &set("0"), Ok("[]"));
    check("[1,2,3]", &set("3"), Ok("[1,2,3]"));
    check("[1]", &set("3"), Ok("[1,null,null]"));
    check(r#"{"length":1}"#, &set("7"), Ok(r#"{"length":7}"#));
    for length in ["-1", "1.5", r#""2""#, "null", "true", "[]", "{}", "1e300"] {
        check("[1]", &set(length), Err(InvalidLength));
    }
    check("[1]", r#"{"op":"replace","path":["length"]}"#, Err(InvalidLength));
    check("[1]", &set("4294967295"), Err(LengthOutOfRange));
    check("[1]", &set("9007199254740991"), Err(LengthOutOfRange));
    // No batch gets around it.
    let grow = |by: usize| Patch::new(vec!["length".into()], Op::Replace(Some(by.into())));
    let mut document = Document::new(json!([])).unwrap();
    let error = document
        .apply(&[grow(MAX_LENGTH_GROWTH), grow(0), grow(1)])
        .unwrap_err();
    assert_eq!((error.kind, document.value()), (LengthOutOfRange, &json!([])));
    document.apply(&[grow(MAX_LENGTH_GROWTH), grow(0)]).unwrap();
    assert_eq!(document.bytes(), 2);
}

#[test]
fn the_reserved_key_is_refused_wherever_it_stands_and_other_names_of_javascript_are_plain_keys() {
    for patch in [
        r#"{"op":"add","path":["__proto__"],"value":1}"#,
        r#"{"op":"remove","path":["__proto__"]}"#,
        r#"{"op":"add","path":["__proto__","a"],"value":1}"#,
        r#"{"op":"add","path":["a","__proto__","b"],"value":1}"#,
        r#"{"op":"add","path":["b"],"value":{"__proto__":1}}"#,
        r#"{"op":"add","path":["b"],"value":[{"c":{"__proto__":{}}}]}"#,
        r#"{"op":"replace","path":[],"value":{"__proto__":1}}"#,
    ] {
        check(r#"{"a":{}}"#, patch, Err(ReservedKey));
    }
    let base = Document::new(parse(r#"[{"__proto__":1}]"#)).unwrap_err();
    assert_eq!(base.kind, ReservedKey);
    check(
        r#"{"a":"__proto__"}"#,
        r#"{"op":"add","path":["b"],"value":"__proto__"}"#,
        Ok(r#"{"a":"__proto__","b":"__proto__"}"#),
    );
    for key in ["constructor", "prototype", "toString", "hasOwnProperty"] {
        check(
            &format!(r#"{{"{key}":{{"a":1}}}}"#),
            &format!(r#"{{"op":"replace","path":["{key}","a"],"value":2}}"#),
            Ok(&format!(r#"{{"{key}":{{"a":2}}}}"#)),
        );
        // Nothing is inherited.
        check(
            "{}",
            &format!(r#"{{"op":"add","path":["{key}","a"],"value":2}}"#),
            Err(PathUnresolved),
        );
    }
}

#[test]
fn a_missing_value_removes_a_key_and_is_null_elsewhere() {
    check(
        r#"{"a":1,"b":2}"#,
        r#"{"op":"replace","path":["a"]}"#,
        Ok(r#"{"b":2}"#),
    );
    check(r#"{"a":1}"#, r#"{"op":"add","path":["b"]}"#, Ok(r#"{"a":1}"#));
    check("[1]", r#"{"op":"replace","path":[0]}"#, Ok("[null]"));
    check("[1]", r#"{"op":"add","path":[0]}"#, Ok("[null,1]"));
    check("[1]", r#"{"op":"replace","path":[]}"#, Ok("null"));
    check(
        r#"{"a":1}"#,
        r#"{"op":"replace","path":["a"],"value":null}"#,
        Ok(r#"{"a":null}"#),
    );
    check(r#"{"a":1}"#, r#"{"op":"remove","path":["b"]}"#, Ok(r#"{"a":1}"#));
}

#[test]
fn keys_stand_in_the_order_of_javascript() {
    check(
        r#"{"b":1,"2":2,"a":3}"#,
        r#"{"op":"add","path":["1"],"value":0}"#,
        Ok(r#"{"1":0,"2":2,"b":1,"a":3}"#),
    );
    check(
        r#"{"b":1,"a":3}"#,
        r#"{"op":"add","path":[7],"value":0}"#,
        Ok(r#"{"7":0,"b":1,"a":3}"#),
    );
    check(
        r#"{"b":1,"a":3}"#,
        r#"{"op":"replace","path":["b"],"value":0}"#,
        Ok(r#"{"b":0,"a":3}"#),
    );
    check(
        r#"{"b":1,"a":3,"c":4}"#,
        r#"{"op":"remove","path":["b"]}"#,
        Ok(r#"{"a":3,"c":4}"#),
    );
    check(
        "0",
        r#"{"op":"replace","path":[],"value":{"x":1,"1":[{"y":1,"0":2}]}}"#,
        Ok(r#"{"1":[{"0":2,"y":1}],"x":1}"#),
    );
}

#[test]
fn only_replace_applies_to_the_root_and_what_came_before_it_does_not_count() {
    for op in ["add", "remove", "test", ""] {
        check(
            "{}",
            &format!(r#"{{"op":"{op}","path":[],"value":1}}"#),
            Err(UnsupportedOp),
        );
    }
    let patches = parse(
        r#"[{"op":"nonsense","path":["x","y"]},5,{"op":"replace","path":[],"value":[]},{"op":"add","path":[0],"value":1}]"#,
    );
    let mut document = Document::new(json!({})).unwrap();
    document
        .apply_unread(patches.as_array().unwrap().clone())
        .unwrap();
    assert_eq!(document.value(), &json!([1]));
}

#[test]
fn what_is_no_patch_is_called_so() {
    for patch in [
        "5",
        "null",
        "[]",
        "{}",
        r#"{"op":"add"}"#,
        r#"{"op":"add","path":"a"}"#,
        r#"{"op":"add","path":null}"#,
    ] {
        check("{}", patch, Err(Malformed));
    }
}

#[test]
fn the_depth_of_a_document_is_bounded_wherever_the_depth_comes_from() {
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        Document::new(nested(MAX_DOCUMENT_DEPTH + 1)).unwrap_err().kind,
        TooDeep
    );
    let mut document = Document::new(nested(MAX_DOCUMENT_DEPTH - 1)).unwrap();
    let innermost = |levels| vec![json!(0); levels];
    let add = |path: Vec<Value>, value: Value| json!({ "op": "add", "path": path, "value": value });
    // Inside of the innermost array there is room for one more level.
    apply(&mut document, add(innermost(MAX_DOCUMENT_DEPTH - 1), json!([]))).unwrap();
    let path = innermost(MAX_DOCUMENT_DEPTH);
    assert_eq!(apply(&mut document, add(path.clone(), json!({}))), Err(TooDeep));
    assert_eq!(
        apply(
            &mut document,
            json!({ "op": "replace", "path": [0], "value": nested(MAX_DOCUMENT_DEPTH) })
        ),
        Err(TooDeep)
    );
    apply(&mut document, add(path, json!(2))).unwrap();

    // A batch that digs ever deeper comes no further.
    let mut document = Document::new(json!([])).unwrap();
    let steps = (1..1000).map(|depth| add(innermost(depth), json!([])));
    let error = document.apply_unread(steps.collect()).unwrap_err();
    assert_eq!((error.kind, error.path.len()), (TooDeep, MAX_DOCUMENT_DEPTH));
    assert_eq!(document.value(), &json!([]));
}

#[test]
fn the_size_of_a_document_is_bounded_before_it_grows() {
    let mut document = Document::with_max_bytes(json!({ "a": [1] }), 20).unwrap();
    assert_eq!(document.bytes(), 9);
    let add = |path: Value, value: &str| json!({ "op": "add", "path": path, "value": value });
    assert_eq!(apply(&mut document, add(json!(["b"]), "12345")), Err(TooLarge));
    apply(&mut document, add(json!(["b"]), "1234")).unwrap();
    assert_eq!(document.bytes(), 20);
    assert_eq!(apply(&mut document, add(json!(["a", 0]), "")), Err(TooLarge));
    assert_eq!(
        apply(
            &mut document,
            json!({ "op": "replace", "path": ["a", "length"], "value": 2 })
        ),
        Err(TooLarge)
    );
    apply(
        &mut document,
        json!({ "op": "replace", "path": ["b"], "value": "1" }),
    )
    .unwrap();
    apply(&mut document, add(json!(["a", 0]), "")).unwrap();
    assert_eq!(
        Document::with_max_bytes(json!([1, 2]), 4).unwrap_err().kind,
        TooLarge
    );
    // What goes always may.
    let mut full = Document::with_max_bytes(json!([1, 2]), 5).unwrap();
    assert_eq!(
        apply(&mut full, json!({ "op": "remove", "path": [0] })).as_deref(),
        Ok("[2]")
    );
}

#[test]
fn an_edit_is_made_of_the_document_that_it_is_one_of() {
    let edit =
        |base: &Value, patch: Value| Edit::of(base, &[serde_json::from_value(patch).unwrap()]).unwrap();
    let base = json!({ "a": [[1], 2], "b": {} });
    for (patch, other, expected, path) in [
        (
            json!({ "op": "remove", "path": ["a", 1] }),
            json!({ "a": [[1]] }),
            IndexOutOfRange,
            json!(["a"]),
        ),
        (
            json!({ "op": "add", "path": ["a", 2], "value": 3 }),
            json!({ "a": [0] }),
            IndexOutOfRange,
            json!(["a"]),
        ),
        (
            json!({ "op": "add", "path": ["a", 0, 0], "value": 0 }),
            json!({ "a": [1] }),
            PathUnresolved,
            json!(["a", 0]),
        ),
        (
            json!({ "op": "add", "path": ["b", "c"], "value": 0 }),
            json!({ "a": [1] }),
            PathUnresolved,
            json!(["b"]),
        ),
        (
            json!({ "op": "add", "path": ["b", "c"], "value": 0 }),
            json!([]),
            PathUnresolved,
            json!([]),
        ),
    ] {
        let edit = edit(&base, patch);
        let mut document = Document::new(base.clone()).unwrap();
        document.make(edit.clone()).unwrap();
        assert_ne!(document.value(), &base);
        let mut document = Document::new(other.clone()).unwrap();
        let error = document.make(edit).unwrap_err();
        assert_eq!((error.kind, json!(error.path)), (expected, path), "{other}");
        assert_eq!(document, Document::new(other).unwrap());
    }
}

#[test]
fn an_edit_digs_no_deeper_than_patches_do() {
    let innermost: Path = vec![0_usize.into(); MAX_DOCUMENT_DEPTH - 1];
    let base = (1..MAX_DOCUMENT_DEPTH).fold(json!(1), |inner, _| json!([inner]));
    let put = |value: Value| {
        let patch = Patch::new(innermost.clone(), Op::Replace(Some(value)));
        Edit::of(&base, &[patch]).and_then(|edit| Document::new(base.clone())?.make(edit))
    };
    assert!(put(json!([])).is_ok());
    let error = put(json!([[]])).unwrap_err();
    assert_eq!((error.kind, error.path), (TooDeep, innermost.clone()));
}
