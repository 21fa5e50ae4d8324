//! `patchcast patch`: the patch algebra on JSON lines, one case a line from standard input, one answer a line.

mod merge;

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use patchcast_protocol::apply::{ApplyError, Document, ErrorKind};
use patchcast_protocol::diff::diff;
use patchcast_protocol::edit::{Edit, Side};
use patchcast_protocol::patch::Patch;
use serde_json::{Map, Value, json};

use super::{is_broken_pipe, read_line};
use crate::cli::PatchCommand;
use merge::Merged;

/// Answers every line, be it with an error. Ends with the input, and when nobody reads the answers any more.
pub fn patch(command: &PatchCommand) -> anyhow::Result<()> {
    match answer_all(command) {
        Err(error) if is_broken_pipe(&error) => Ok(()),
        outcome => outcome,
    }
}

fn answer_all(command: &PatchCommand) -> anyhow::Result<()> {
    let mut input = io::stdin().lock();
    let mut out = BufWriter::new(io::stdout().lock());
    for number in 1.. {
        let line = read_line(&mut input, MAX_CASE_BYTES).with_context(|| format!("line {number}"))?;
        let Some(line) = line else { break };
        if line.trim_ascii().is_empty() {
            continue;
        }
        let answer = answer(command, &line).unwrap_or_else(|error| refusal(&error));
        serde_json::to_writer(&mut out, &answer).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        // Whoever waits for the answer before the next case gets it.
        out.flush()?;
    }
    Ok(())
}

fn answer(command: &PatchCommand, line: &[u8]) -> Result<Value, ApplyError> {
    let mut case = Case::read(line)?;
    match command {
        PatchCommand::Apply => {
            let mut document = Document::new(case.take("base")?)?;
            document.apply_unread(case.take_list("patches")?)?;
            Ok(json!({ "result": document.into_value() }))
        }
        PatchCommand::Invert => {
            let mut document = Document::new(case.take("base")?)?;
            let undo = document.apply_unread(case.take_list("patches")?)?;
            Ok(json!({ "patches": undo.into_patches() }))
        }
        PatchCommand::Squash => {
            let patches = case.take_patches("patches")?;
            let edit = match case.take("base") {
                Ok(base) => Edit::of(Document::new(base)?.value(), &patches)?,
                Err(_) => Edit::of_unseen(&patches)?,
            };
            Ok(json!({ "patches": edit.patches() }))
        }
        PatchCommand::Expand => {
            let document = Document::new(case.take("base")?)?;
            let edit = Edit::of(document.value(), &case.take_patches("patches")?)?;
            Ok(json!({ "patches": edit.expand(document.value()).patches() }))
        }
        PatchCommand::Diff => {
            let before = Document::new(case.take("before")?)?;
            let after = Document::new(case.take("after")?)?;
            Ok(json!({ "patches": diff(before.value(), after.value()).patches() }))
        }
        PatchCommand::Transform => {
            let base = Document::new(case.take("base")?)?;
            let mut edit = |member| Edit::of(base.value(), &case.take_patches(member)?);
            let (edit, over) = (edit("patches")?, edit("over")?);
            let side = match case.take("side").as_ref().map(Value::as_str) {
                Err(_) | Ok(Some("later")) => Side::Later,
                Ok(Some("earlier")) => Side::Earlier,
                Ok(_) => return Err(malformed("`side` is `later` or `earlier`".to_owned())),
            };
            Ok(json!({ "patches": edit.transform(&over, side).edit.patches() }))
        }
        PatchCommand::Merge => {
            let base = Document::new(case.take("base")?)?;
            let mut merged = Merged::new(base);
            let receipts = case.take_list("ops")?.into_iter().map(|op| merged.add(op));
            let receipts: Vec<_> = receipts
                .map(|receipt| receipt.unwrap_or_else(|error| refusal(&error)))
                .collect();
            Ok(json!({ "result": merged.document.into_value(), "receipts": receipts }))
        }
    }
}

fn refusal(error: &ApplyError) -> Value {
    let ApplyError { kind, path, message } = error;
    json!({ "error": { "kind": kind, "path": path, "message": message } })
}

/// What a line asks.
struct Case(Map<String, Value>);

impl Case {
    fn read(line: &[u8]) -> Result<Case, ApplyError> {
        serde_json::from_slice(line)
            .map(Case)
            .map_err(|error| malformed(error.to_string()))
    }

    fn take(&mut self, member: &str) -> Result<Value, ApplyError> {
        let found = self.0.get_mut(member).map(Value::take);
        found.ok_or_else(|| malformed(format!("the case has no `{member}`")))
    }

    fn take_list(&mut self, member: &str) -> Result<Vec<Value>, ApplyError> {
        list(self.take(member)?, member)
    }

    fn take_patches(&mut self, member: &str) -> Result<Vec<Patch>, ApplyError> {
        serde_json::from_value(self.take(member)?).map_err(|error| malformed(error.to_string()))
    }
}

fn list(value: Value, name: &str) -> Result<Vec<Value>, ApplyError> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(malformed(format!("`{name}` is no list"))),
    }
}

fn malformed(message: String) -> ApplyError {
    ApplyError {
        kind: ErrorKind::Malformed,
        path: Vec::new(),
        message,
    }
}

/// Bytes of a line: a few documents of the largest size.
const MAX_CASE_BYTES: usize = 256 << 20;
