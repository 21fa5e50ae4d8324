//! The laws of edits, held against a case.

use patchcast_protocol::apply;
use patchcast_protocol::edit::{Edit, Side, squash_unseen};
use patchcast_protocol::patch::Patch;
use patchcast_protocol::value::same;
use serde_json::{Value, json};

use super::draw::Case;

/// What is wrong, if anything is. A case whose patches do not apply breaks no law.
pub fn check(case: &Case) -> Result<(), String> {
    let Case { base, batches } = case;
    let mut edits = Vec::new();
    for batch in batches {
        let Ok(expected) = apply::apply(base.clone(), batch) else {
            return Ok(());
        };
        edits.push(one_edit(base, batch, &expected)?);
    }
    for a in &edits {
        for b in &edits {
            two_edits(base, a, b)?;
        }
    }
    if let [a, b, c] = &edits[..] {
        three_edits(base, [a, b, c])?;
    }
    Ok(())
}

/// Whether all that meets converges, and nothing else: of two that meet, either may be the earlier.
pub fn check_tp1(case: &Case) -> Result<(), String> {
    let Case { base, batches } = case;
    let Ok(edits) = batches
        .iter()
        .map(|batch| Edit::of(base, batch))
        .collect::<Result<Vec<_>, _>>()
    else {
        return Ok(());
    };
    for (number, a) in edits.iter().enumerate() {
        for b in &edits[number + 1..] {
            tp1(base, a, b)?;
            tp1(base, b, a)?;
        }
    }
    Ok(())
}

/// What both make, `a` being the earlier, and what is left of `b` once `a` has been made, and the other way round.
fn tp1(base: &Value, a: &Edit, b: &Edit) -> Result<(Value, [Edit; 2]), String> {
    let b_over_a = b.transform(a, Side::Later).edit;
    let a_over_b = a.transform(b, Side::Earlier).edit;
    apart(a, b)?;
    let merged = apply_patches(&apply_edit(base, a), &b_over_a)?;
    let other = apply_patches(&apply_edit(base, b), &a_over_b)?;
    if !same(&merged, &other) {
        return Err(format!("TP1: {merged} is not {other}"));
    }
    Ok((merged, [b_over_a, a_over_b]))
}

/// What is said to have nothing to do with the other is what it was.
fn apart(a: &Edit, b: &Edit) -> Result<(), String> {
    for (edit, over, side) in [(a, b, Side::Earlier), (b, a, Side::Later)] {
        if !edit.is_apart_from(over) {
            continue;
        }
        let carried = edit.transform(over, side);
        if carried.edit != *edit || !carried.conflicts.is_empty() {
            return Err(format!("{edit:?} is not apart from {over:?}: {carried:?}"));
        }
    }
    Ok(())
}

fn one_edit(base: &Value, batch: &[Patch], expected: &Value) -> Result<Edit, String> {
    let edit = Edit::of(base, batch).map_err(|error| format!("no edit of {}: {error}", json!(batch)))?;
    let patches = edit.patches();
    holds("the edit applies", &apply_edit(base, &edit), expected)?;
    holds("its patches apply", &apply_patches(base, &edit)?, expected)?;
    fits(base, &edit)?;
    if patches.len() > batch.len()
        && !batch
            .iter()
            .any(|patch| json!(patch)["path"].to_string().contains("length"))
    {
        return Err(format!("{} became {}", json!(batch), json!(patches)));
    }
    let squashed = squash_unseen(batch);
    let found =
        apply::apply(base.clone(), &squashed).map_err(|error| format!("{error}: {}", json!(squashed)))?;
    holds("unseen, they can be squashed", &found, expected)?;
    let inverse = edit.invert(base);
    holds(
        "the inverse leads back",
        &apply_patches(expected, &inverse)?,
        base,
    )?;
    fits(expected, &inverse)?;
    let again = inverse.invert(expected);
    holds(
        "the inverse of the inverse is as the edit",
        &apply_patches(base, &again)?,
        expected,
    )?;
    // What is not of one base gives nothing sensible, and does no harm.
    let strange = inverse.transform(&edit, Side::Later).edit.compose(edit.clone());
    drop(apply_edit(base, &strange.compose(inverse)));
    let expanded = edit.clone().expand(base);
    if json!(expanded.patches()).to_string().contains(r#""op":"move""#) {
        return Err(format!("a move is left: {}", json!(expanded.patches())));
    }
    holds("it can be expanded", &apply_patches(base, &expanded)?, expected)?;
    // All cuts of a batch in two compose to the whole.
    for cut in 0..batch.len() {
        let middle = apply::apply(base.clone(), &batch[..cut]).map_err(|error| error.to_string())?;
        let first = Edit::of(base, &batch[..cut]).map_err(|error| error.to_string())?;
        let then = Edit::of(&middle, &batch[cut..]).map_err(|error| error.to_string())?;
        let composed = first.compose(then);
        holds("composed edits apply", &apply_patches(base, &composed)?, expected)?;
    }
    Ok(edit)
}

/// All that holds of two edits, of which `a` is the earlier.
fn two_edits(base: &Value, a: &Edit, b: &Edit) -> Result<(), String> {
    let (merged, [b_over_a, a_over_b]) = tp1(base, a, b)?;
    let after_a = apply_edit(base, a);
    let after_b = apply_edit(base, b);
    fits(&after_a, &b_over_a)?;
    fits(&after_b, &a_over_b)?;
    // Undone while the other is there, and found out about from the state after it.
    let undone = a.invert(base).transform(&b_over_a, Side::Later).edit;
    apply_patches(&merged, &undone)?;
    let late =
        Edit::of_earlier(&after_a, &[a], &b.patches()).map_err(|error| format!("of_earlier: {error}"))?;
    let late = late.transform(a, Side::Later).edit;
    if late != b_over_a {
        return Err(format!(
            "of_earlier: {} is not {}",
            json!(late.patches()),
            json!(b_over_a.patches())
        ));
    }
    Ok(())
}

/// A client that has `c` pending takes in `a` and then `b`, as the server has made it: everybody has the same.
fn three_edits(base: &Value, [a, b, c]: [&Edit; 3]) -> Result<(), String> {
    let after_a = apply_edit(base, a);
    let b_made = b.transform(a, Side::Later).edit;
    let server = apply_edit(&after_a, &b_made);
    let c_made = c
        .transform(a, Side::Later)
        .edit
        .transform(&b_made, Side::Later)
        .edit;
    let server = apply_patches(&server, &c_made)?;

    let a_over_c = a.transform(c, Side::Earlier).edit;
    let c_over_a = c.transform(a, Side::Later).edit;
    let b_over_c = b_made.transform(&c_over_a, Side::Earlier).edit;
    let client = apply_edit(base, c);
    let client = apply_patches(&client, &a_over_c)?;
    let client = apply_patches(&client, &b_over_c)?;
    holds("three converge", &client, &server)?;

    let late = Edit::of_earlier(&apply_edit(&after_a, &b_made), &[a, &b_made], &c.patches());
    let late = late.map_err(|error| format!("of_earlier: {error}"))?;
    let late = late
        .transform(a, Side::Later)
        .edit
        .transform(&b_made, Side::Later)
        .edit;
    if late != c_made {
        return Err(format!(
            "of_earlier: {} is not {}",
            json!(late.patches()),
            json!(c_made.patches())
        ));
    }
    Ok(())
}

/// An edit is the one of its own patches.
fn fits(base: &Value, edit: &Edit) -> Result<(), String> {
    let patches = edit.patches();
    let again =
        Edit::of(base, &patches).map_err(|error| format!("no edit of {}: {error}", json!(patches)))?;
    if again != *edit {
        return Err(format!(
            "{} gives {:?}, and is of {:?}",
            json!(patches),
            again,
            edit
        ));
    }
    let written = serde_json::from_str::<Vec<Patch>>(&json!(patches).to_string());
    let written = written.map_err(|error| error.to_string())?;
    if Edit::of_written(&written).as_ref() != Ok(edit) {
        return Err(format!(
            "{} is not read as it was written, by {edit:?}",
            json!(patches)
        ));
    }
    Ok(())
}

fn apply_edit(base: &Value, edit: &Edit) -> Value {
    let mut value = base.clone();
    edit.clone().apply(&mut value);
    value
}

fn apply_patches(base: &Value, edit: &Edit) -> Result<Value, String> {
    let patches = edit.patches();
    apply::apply(base.clone(), &patches).map_err(|error| format!("{error}: {} on {base}", json!(patches)))
}

fn holds(law: &str, found: &Value, expected: &Value) -> Result<(), String> {
    if same(found, expected) {
        Ok(())
    } else {
        Err(format!("{law}: {found} is not {expected}"))
    }
}
