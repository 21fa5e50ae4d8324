//! The messages that wait for an open connection: first in, first out, and bounded.

#[derive(Debug)]
pub(crate) struct Queue<M> {
    waiting: Vec<M>,
    limit: usize,
}

impl<M> Queue<M> {
    pub(crate) fn new(limit: usize) -> Self {
        Queue {
            waiting: Vec::new(),
            limit,
        }
    }

    /// Puts `message` behind the others. Gives it back when the queue is full: what waits already is older, and
    /// a message must not arrive where one before it is missing.
    pub(crate) fn push(&mut self, message: M) -> Result<(), M> {
        if self.waiting.len() >= self.limit {
            return Err(message);
        }
        self.waiting.push(message);
        Ok(())
    }

    /// The oldest message, which then waits no more.
    pub(crate) fn pop(&mut self) -> Option<M> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// All that wait, which then wait no more.
    pub(crate) fn drain(&mut self) -> Vec<M> {
        std::mem::take(&mut self.waiting)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_leave_in_the_order_in_which_they_came() {
        let mut queue = Queue::new(3);
        for message in 1..=3 {
            assert_eq!(queue.push(message), Ok(()));
        }
        assert_eq!([(); 4].map(|()| queue.pop()), [Some(1), Some(2), Some(3), None]);
    }

    #[test]
    fn a_full_queue_gives_the_newest_message_back_and_keeps_the_others() {
        let mut queue = Queue::new(2);
        assert_eq!(queue.push('a'), Ok(()));
        assert_eq!(queue.push('b'), Ok(()));
        assert_eq!(queue.push('c'), Err('c'));
        assert_eq!(queue.len(), 2);
        assert_eq!(queue.pop(), Some('a'));
        assert_eq!(queue.push('c'), Ok(()));
        assert_eq!(queue.pop(), Some('b'));
    }

    #[test]
    fn a_limit_of_zero_keeps_nothing() {
        assert_eq!(Queue::new(0).push('a'), Err('a'));
    }
}
