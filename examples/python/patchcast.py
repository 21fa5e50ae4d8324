"""A client of Patchcast's sessions: what is sent arrives once, and every entry comes once, in one order for all.

    python patchcast.py ws://127.0.0.1:5001/room

prints the entries of a room as JSON lines, and sends what it reads on standard input, a line an entry. It ends with its
input, when all of it is stored. Written from docs/sessions.md alone; it needs Python 3.10 and `websockets`.
"""

import asyncio
import json
import sys
from dataclasses import dataclass

from client import Client, Rejected, compact, settle


@dataclass(frozen=True)
class Entry:
    """What a room holds under the number `seq`. `time` is for people; the order is that of `seq`."""

    seq: int
    client: str
    id: int
    time: int
    data: object
    own: bool


class Room(Client):
    """A room, joined while it is entered with `async with`, over as many connections as that takes.

    `on_entry(entry)` is called for every entry, the own ones too; `on_reset(reason)` when all entries come again from the
    beginning; `on_presence(others)` with what the other clients show, by their ids.

    To go on in another process, keep `secret`, and `position` with what was made of the entries.
    """

    def __init__(self, url, on_entry, **options):
        super().__init__(url, **options)
        self._on_entry = on_entry

    def send(self, data):
        """Returns a future: the entry, once it is stored, or `Rejected` or `Closed`."""
        return self._submit(compact(data))

    async def _write(self):
        """What is still pending is sent again, in order, and then what is new."""
        for message, _ in list(self._pending.values()):
            await self._socket.send(message)
        while True:
            data, stored = await self._new.get()
            message = f'{{"type":"op","id":{self._last_id + 1},"data":{data}}}'
            if len(message.encode()) > self._welcome["max_message"]:
                settle(stored, Rejected("too_large", f"above {self._welcome['max_message']} bytes"))
                continue
            self._last_id += 1
            self._pending[self._last_id] = message, stored
            await self._socket.send(message)

    def _receive(self, message):
        match message["type"]:
            case "entries":
                for seq, entry in enumerate(message["entries"], message["after"] + 1):
                    self._arrive(seq, entry["client"], entry["id"], entry["time"], entry["data"])
            case "ack":
                own = json.loads(self._pending[message["id"]][0])
                self._arrive(message["seq"], self.client, message["id"], message["time"], own["data"])
            case "reject":
                _, stored = self._pending.pop(message["id"])
                settle(stored, Rejected(message["code"], message["reason"]))
            case _:
                super()._receive(message)

    def _arrive(self, seq, client, id, at, data):
        """An entry; or an ack, which is an own one."""
        entry = Entry(seq, client, id, at, data, own=client == self.client)
        is_next = self._is_next(seq)
        if entry.own and id in self._pending:
            _, stored = self._pending.pop(id)
            settle(stored, entry)
        if is_next:
            self._on_entry(entry)


async def main(url):
    def show(entry):
        print(compact({"seq": entry.seq, "client": entry.client, "data": entry.data}), flush=True)

    async def send_lines(room):
        stored = []
        while line := await asyncio.to_thread(sys.stdin.readline):
            stored.append(room.send(line.rstrip("\n")))
        await asyncio.gather(*stored)

    async with Room(url, show) as room:
        tasks = [asyncio.create_task(task) for task in (send_lines(room), room.closed())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
