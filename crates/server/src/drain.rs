//! Waits for a socket that would block, in place of its room, until it has caught up.

use std::rc::Rc;

use patchcast_protocol::close::CloseCode;
use patchcast_protocol::dialect::Dialect;
use patchcast_protocol::ids::Seq;

use crate::cursor::Pending;
use crate::dialect::reframe;
use crate::history::HistoryError;
use crate::limits::{BLOCK_BYTES, DRAIN_TURN_BYTES};
use crate::log::ReadError;
use crate::member::Member;
use crate::outlet::Broken;
use crate::room::Room;

/// Starts a drainer for a member whose socket would block and is not waited for yet.
pub fn start(room: &Rc<Room>, member: &Rc<Member>) {
    if member.outlet.begin_drain() {
        tokio::task::spawn_local(drain(room.clone(), member.clone()));
    }
}

async fn drain(room: Rc<Room>, member: Rc<Member>) {
    match catch_up(&room, &member).await {
        Ok(()) | Err(Stop::Broken) => {}
        Err(Stop::Unreadable(error)) => {
            // At the end of a frame the client can be told; within one it cannot.
            let (code, reason) = match error {
                ReadError::Forgotten { .. } => (
                    CloseCode::FellBehind,
                    "what comes next is not kept any more; join again for the state",
                ),
                error => {
                    tracing::error!(room = %room.id, %error, "a history could not be read");
                    (CloseCode::StorageFailed, "the room's log could not be read")
                }
            };
            member.outlet.close(code, reason);
            if member.outlet.flush_control().await.is_ok() {
                member.outlet.end_drain();
            }
        }
    }
}

enum Stop {
    Broken,
    Unreadable(ReadError),
}

impl From<Broken> for Stop {
    fn from(_: Broken) -> Self {
        Stop::Broken
    }
}

/// Writes all that the member is owed. The socket is given back in the same breath in which nothing is left, so no
/// entry can come between; a member that never catches up stays here, at no cost to its room.
async fn catch_up(room: &Room, member: &Member) -> Result<(), Stop> {
    let outlet = &member.outlet;
    let begun = member.cursor.borrow_mut().take_begun();
    if let Some(run) = begun {
        outlet.write_all(run.as_slice()).await?;
    }
    outlet.flush_control().await?;
    if let Some(snapshot) = member.session().and_then(|session| session.snapshot.take()) {
        outlet.write_all(&snapshot.frame).await?;
    }
    if let Some(head) = member.history.take() {
        let squash = room.squash_for(head).await;
        match room
            .blocks
            .write_history(&room.id, &*room.log, &squash, head, outlet)
            .await
        {
            Ok(()) => {}
            Err(HistoryError::Broken) => return Err(Stop::Broken),
            Err(error) => {
                tracing::error!(room = %room.id, %error, "a history broke off");
                outlet.abort();
                return Err(Stop::Broken);
            }
        }
    }
    let mut turn = 0;
    loop {
        outlet.flush_control().await?;
        if !outlet.is_open() {
            outlet.end_drain();
            return Ok(());
        }
        let pending = room.pending(member, 1);
        match pending {
            Pending::Nothing => match room.news_of_presence(member) {
                Some(frame) => outlet.write_all(&frame).await?,
                None => {
                    outlet.end_drain();
                    return Ok(());
                }
            },
            Pending::Runs(runs) => {
                for run in &runs {
                    outlet.write_all(run.as_slice()).await?;
                    turn += run.as_slice().len();
                    member.cursor.borrow_mut().jump(run.next);
                }
            }
            Pending::Forgotten => turn += write_forgotten(room, member).await?,
        }
        if turn >= DRAIN_TURN_BYTES {
            turn = 0;
            tokio::task::yield_now().await;
        }
    }
}

/// Writes entries that the tail has forgotten, as the log has them.
async fn write_forgotten(room: &Room, member: &Member) -> Result<usize, Stop> {
    let (next, reader) = {
        let cursor = member.cursor.borrow();
        (cursor.next(), cursor.reader())
    };
    let before = Seq(next.0 - 1);
    if matches!(room.id.dialect, Dialect::Sessions | Dialect::Documents) {
        let block = room.blocks.block(&room.id, &*room.log, before).await;
        let block = block.map_err(Stop::Unreadable)?;
        member.outlet.write_all(block.bytes()).await?;
        member.cursor.borrow_mut().jump(block.last().next());
        return Ok(block.bytes().len());
    }
    let entries = room.log.read(before, BLOCK_BYTES).await;
    let entries = entries.map_err(Stop::Unreadable)?;
    let Some(frames) = reframe(room.id.dialect, &entries, reader) else {
        member.cursor.borrow_mut().jump(room.newest());
        return Ok(0);
    };
    member.outlet.write_all(&frames).await?;
    member.cursor.borrow_mut().jump(entries.last().next());
    Ok(frames.len())
}
