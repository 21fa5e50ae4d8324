//! Who wants to hear of a change. Listeners may come and go while they are being called.

use std::cell::{Cell, RefCell};

pub(crate) struct Listeners<L> {
    next: Cell<u32>,
    /// In the order of their ids.
    list: RefCell<Vec<(ListenerId, L)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ListenerId(u32);

impl<L: Clone> Listeners<L> {
    pub(crate) fn new() -> Self {
        Listeners {
            next: Cell::new(0),
            list: RefCell::new(Vec::new()),
        }
    }

    pub(crate) fn add(&self, listener: L) -> ListenerId {
        let id = ListenerId(self.next.get());
        self.next.set(id.0 + 1);
        self.list.borrow_mut().push((id, listener));
        id
    }

    /// Takes a listener off; a second time does nothing.
    pub(crate) fn remove(&self, id: ListenerId) {
        self.list.borrow_mut().retain(|(other, _)| *other != id);
    }

    pub(crate) fn clear(&self) {
        self.list.borrow_mut().clear();
    }

    /// Calls those that are there now; one that is taken off meanwhile is not called, one that is added neither.
    /// Nothing is borrowed during a call.
    pub(crate) fn each(&self, mut call: impl FnMut(&L)) {
        let end = ListenerId(self.next.get());
        let mut from = ListenerId(0);
        while let Some((id, listener)) = self.find(from, end) {
            call(&listener);
            from = ListenerId(id.0 + 1);
        }
    }

    fn find(&self, from: ListenerId, end: ListenerId) -> Option<(ListenerId, L)> {
        let list = self.list.borrow();
        list.iter().find(|(id, _)| (from..end).contains(id)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(listeners: &Listeners<char>, mut during: impl FnMut(char)) -> String {
        let mut called = String::new();
        listeners.each(|listener| {
            called.push(*listener);
            during(*listener);
        });
        called
    }

    #[test]
    fn listeners_are_called_in_the_order_in_which_they_came() {
        let listeners = Listeners::new();
        let a = listeners.add('a');
        listeners.add('b');
        assert_eq!(called(&listeners, |_| ()), "ab");
        listeners.remove(a);
        listeners.remove(a);
        assert_eq!(called(&listeners, |_| ()), "b");
    }

    #[test]
    fn one_that_is_taken_off_during_the_calls_is_not_called() {
        let listeners = Listeners::new();
        let a = listeners.add('a');
        let b = listeners.add('b');
        listeners.add('c');
        let calls = called(&listeners, |_| {
            listeners.remove(a);
            listeners.remove(b);
        });
        assert_eq!(calls, "ac");
    }

    #[test]
    fn one_that_is_added_during_the_calls_waits_for_the_next_change() {
        let listeners = Listeners::new();
        listeners.add('a');
        let calls = called(&listeners, |_| {
            listeners.add('b');
        });
        assert_eq!(calls, "a");
        assert_eq!(called(&listeners, |_| ()), "ab");
    }

    #[test]
    fn a_clear_ends_the_calls() {
        let listeners = Listeners::new();
        listeners.add('a');
        listeners.add('b');
        assert_eq!(called(&listeners, |_| listeners.clear()), "a");
    }
}
