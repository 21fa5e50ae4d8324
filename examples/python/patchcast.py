"""A client of Patchcast's sessions: what is sent arrives once, and every entry comes once, in one order for all.

    python patchcast.py ws://127.0.0.1:5001/room

prints the entries of a room as JSON lines, and sends what it reads on standard input, a line an entry. It ends with its
input, when all of it is stored. Written from docs/sessions.md alone; it needs Python 3.10 and `websockets`.
"""

import asyncio
import json
import random
import secrets
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus


@dataclass(frozen=True)
class Entry:
    """What a room holds under the number `seq`. `time` is for people; the order is that of `seq`."""

    seq: int
    client: str
    id: int
    time: int
    data: object
    own: bool


class Rejected(Exception):
    """An op that is no entry and never will be: a code, and the reason in words."""


class Closed(Exception):
    """The server closed the connection for good: the close code, and the reason in words."""


class Gap(Exception):
    """The server left an entry out."""


class Room:
    """A room, joined while it is entered with `async with`, over as many connections as that takes.

    `on_entry(entry)` is called for every entry, the own ones too; `on_reset(reason)` when all entries come again from the
    beginning; `on_presence(others)` with what the other clients show, by their ids.

    To go on in another process, keep `secret`, and `position` with what was made of the entries.
    """

    def __init__(self, url, on_entry, *, on_reset=None, on_presence=None, secret=None, position=None):
        self.url = url
        self.secret = secret or secrets.token_urlsafe(18)
        self.position = position
        self.client = None
        self.others = {}
        self._on_entry, self._on_reset, self._on_presence = on_entry, on_reset, on_presence
        self._welcome = None
        self._socket = None
        self._last_id = 0
        self._new = asyncio.Queue()  # What has no id yet: (data as JSON, future).
        self._pending = {}  # What has been sent but not answered, by id and in that order: (message, future).
        self._presence = None

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def send(self, data):
        """Returns a future: the entry, once it is stored, or `Rejected` or `Closed`."""
        if self._new.qsize() + len(self._pending) >= MOST_WAITING:
            raise asyncio.QueueFull
        stored = asyncio.get_running_loop().create_future()
        self._new.put_nowait((compact(data), stored))
        if self._task.done():
            self._end()
        return stored

    async def show(self, data):
        """Shows `data` to the others for as long as this client is connected; `None` shows nothing."""
        self._presence = compact({"type": "presence", "data": data})
        if self._welcome:
            with suppress(ConnectionClosed):  # The next connection sends it.
                await self._socket.send(self._presence)

    async def closed(self):
        """Returns never, or raises `Closed`."""
        await asyncio.shield(self._task)

    async def _run(self):
        bound = SHORTEST_PAUSE
        try:
            while True:
                began = time.monotonic()
                code = await self._connection()
                if time.monotonic() - began > GOOD_AFTER:
                    bound = SHORTEST_PAUSE
                if code in WAIT or 4100 <= code < 4200:
                    bound = LONGEST_PAUSE
                await asyncio.sleep(random.uniform(0, bound))
                bound = min(2 * bound, LONGEST_PAUSE)
        finally:
            self._end()

    def _end(self):
        waiting = [future for _, future in self._pending.values()]
        while not self._new.empty():
            waiting.append(self._new.get_nowait()[1])
        for future in waiting:
            settle(future, Closed("closed"))

    async def _connection(self):
        """One connection from beginning to end; returns its close code, or raises `Closed` if that means to stop."""
        try:
            # The library's pings are the heartbeat, and it answers the server's. A batch may be larger than its own bound.
            async with connect(self.url, subprotocols=["patchcast.v1"], ping_interval=15, ping_timeout=10,
                               max_size=None) as self._socket:
                try:
                    await self._converse()
                except ConnectionClosed:
                    code = self._socket.close_code  # 1006 when there was none.
                    if code in STOP or 4000 <= code < 4100:
                        raise Closed(code, self._socket.close_reason) from None
                    return code
        except InvalidStatus as refused:
            if refused.response.status_code < 500:
                raise Closed(refused.response.status_code, str(refused)) from None
        except (OSError, TimeoutError, InvalidHandshake, Gap):
            pass
        finally:
            self._welcome = None
            self._others_are({})
        return 1006

    async def _converse(self):
        if self._socket.subprotocol != "patchcast.v1":
            raise Closed(1010, "the server speaks no sessions")
        hello = {"type": "hello", "version": 1, "secret": self.secret, "presence": self._on_presence is not None}
        if self.position:
            hello["since"] = self.position
        await self._socket.send(compact(hello))
        writer = None
        try:
            while True:
                self._receive(json.loads(await self._socket.recv()))
                if not writer and self._welcome and self.position["seq"] >= self._welcome["head"]:
                    writer = asyncio.create_task(self._write())
        finally:
            if writer:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)

    async def _write(self):
        """Everything up to the head is known: what is still pending is sent again, in order, and then what is new."""
        if self._presence:
            await self._socket.send(self._presence)
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
            case "reset":
                self.position = None
                if self._on_reset:
                    self._on_reset(message["reason"])
            case "welcome":
                self._welcome, self.client = message, message["client"]
                self._last_id = max(self._last_id, message["last_op"])
                self.position = {"epoch": message["epoch"], "seq": self.position["seq"] if self.position else 0}
            case "entries":
                for seq, entry in enumerate(message["entries"], message["after"] + 1):
                    self._arrive(seq, entry["client"], entry["id"], entry["time"], entry["data"])
            case "ack":
                own = json.loads(self._pending[message["id"]][0])
                self._arrive(message["seq"], self.client, message["id"], message["time"], own["data"])
            case "reject":
                _, stored = self._pending.pop(message["id"])
                settle(stored, Rejected(message["code"], message["reason"]))
            case "presence":
                others = {} if message.get("all") else dict(self.others)
                others |= {one["client"]: one["data"] for one in message.get("present", [])}
                self._others_are({client: data for client, data in others.items()
                                  if client not in message.get("gone", []) and client != self.client})

    def _arrive(self, seq, client, id, at, data):
        """An entry; or an ack, which is an own one."""
        entry = Entry(seq, client, id, at, data, own=client == self.client)
        if seq > self.position["seq"] + 1:
            raise Gap
        if entry.own and id in self._pending:
            _, stored = self._pending.pop(id)
            settle(stored, entry)
        if seq == self.position["seq"] + 1:
            self.position["seq"] = seq
            self._on_entry(entry)

    def _others_are(self, others):
        if others != self.others:
            self.others = others
            self._on_presence(others)


def settle(future, outcome):
    """Nobody needs to wait for the future, or to look at what became of it."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
        future.exception()
    else:
        future.set_result(outcome)


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


# What to do after a connection, from its close code alone; after any other code: again.
STOP = {1000, 1002, 1003, 1007, 1008, 1009, 1010, 1015}
WAIT = {1011, 1013}

# Ops that are not yet stored; more are refused.
MOST_WAITING = 1000

# Seconds: the bounds of the pause before another attempt, and after how long a connection was a good one.
SHORTEST_PAUSE, LONGEST_PAUSE, GOOD_AFTER = 0.5, 20, 5


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
