//! The receipts of the ops that this page has submitted and that are not settled.

use patchcast_protocol::ids::OpId;

use crate::handles::Receipt;

/// In the order of their ids.
#[derive(Default)]
pub(crate) struct Receipts(Vec<(OpId, Receipt)>);

impl Receipts {
    pub(crate) fn add(&mut self, id: OpId, receipt: Receipt) {
        self.0.push((id, receipt));
    }

    pub(crate) fn find(&self, id: OpId) -> Option<Receipt> {
        let index = self.index(id)?;
        self.0.get(index).map(|(_, receipt)| receipt.clone())
    }

    pub(crate) fn remove(&mut self, id: OpId) -> Option<Receipt> {
        let index = self.index(id)?;
        Some(self.0.remove(index).1)
    }

    pub(crate) fn into_all(self) -> impl Iterator<Item = Receipt> {
        self.0.into_iter().map(|(_, receipt)| receipt)
    }

    fn index(&self, id: OpId) -> Option<usize> {
        self.0.binary_search_by_key(&id, |(id, _)| *id).ok()
    }
}
