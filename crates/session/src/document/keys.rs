//! Whether the keys of the view may stand in another order than those of the confirmed value.
//!
//! New keys come last, so two keys that come in one order to the room and in the other to the view stand differently, though
//! nothing else differs. Once no op is pending, the view takes the room's order, wherever keys have come or gone since both were the same.

use patchcast_protocol::apply::{Document, KeyOrder};
use patchcast_protocol::edit::Edit;

use super::mutation::{Mutation, is};
use super::trail::Trail;

#[derive(Clone, Debug, Default)]
pub(super) struct Keys {
    /// What has changed in the view since both were the same, from the first time on that it concerned keys.
    view: Trail,
    confirmed: Trail,
    /// Nothing is known of the order: another state has come from somewhere else.
    unknown: bool,
}

impl Keys {
    pub fn note_view(&mut self, edit: &Edit) {
        note(&mut self.view, edit);
    }

    pub fn note_confirmed(&mut self, edit: &Edit) {
        note(&mut self.confirmed, edit);
    }

    pub fn forget(&mut self) {
        *self = Keys {
            unknown: true,
            ..Keys::default()
        };
    }

    /// Gives the view the order of the confirmed value, which holds the same, and tells where it was another one.
    pub fn settle(&mut self, view: &mut Document, confirmed: &Document) -> Vec<KeyOrder> {
        let Keys {
            view: mut of_view,
            confirmed: mut of_confirmed,
            unknown,
        } = std::mem::take(self);
        if is(Mutation::KeepKeyOrder) {
            return Vec::new();
        }
        if unknown {
            return view.order_keys_as(confirmed);
        }
        let mut sorted = view.order_keys_within(&of_confirmed.take(), confirmed);
        sorted.extend(view.order_keys_within(&of_view.take(), confirmed));
        sorted
    }
}

fn note(trail: &mut Trail, edit: &Edit) {
    if !trail.is_empty() || edit.touches_keys() {
        trail.push(edit.clone());
    }
}
