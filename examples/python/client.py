"""A client of a room over as many connections as that takes: what streams and documents have in common.

Written from docs/sessions.md alone; it needs Python 3.10 and `websockets`.
"""

import asyncio
import json
import random
import secrets
import time
from contextlib import suppress

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus


class Rejected(Exception):
    """An op that is no entry and never will be: a code, and the reason in words."""


class Closed(Exception):
    """The server closed the connection for good: the close code, and the reason in words."""


class Gap(Exception):
    """The server left an entry out."""


class Client:
    """Joined while it is entered with `async with`. Whoever inherits it says what is sent (`_write`) and what messages mean (`_receive`)."""

    def __init__(self, url, *, on_reset=None, on_presence=None, secret=None, position=None):
        self.url = url
        self.secret = secret or secrets.token_urlsafe(18)
        self.position = position
        self.client = None
        self.others = {}
        self._on_reset, self._on_presence = on_reset, on_presence
        self._welcome = None
        self._socket = None
        self._last_id = 0
        self._new = asyncio.Queue()  # What has no id yet, each with a future at its end.
        self._pending = {}  # What has been sent but not answered, by id and in that order, each with a future at its end.
        self._presence = None

    async def __aenter__(self):
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def show(self, data):
        """Shows `data` to the others for as long as this client is connected; `None` shows nothing."""
        self._presence = compact({"type": "presence", "data": data})
        if self._welcome:
            with suppress(ConnectionClosed):  # The next connection sends it.
                await self._socket.send(self._presence)

    async def closed(self):
        """Returns never, or raises `Closed`."""
        await asyncio.shield(self._task)

    def _submit(self, *op):
        """Returns the future of what is to be sent."""
        if self._new.qsize() + len(self._pending) >= MOST_WAITING:
            raise asyncio.QueueFull
        settled = asyncio.get_running_loop().create_future()
        self._new.put_nowait((*op, settled))
        if self._task.done():
            self._end()
        return settled

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
        waiting = [op[-1] for op in self._pending.values()]
        while not self._new.empty():
            waiting.append(self._new.get_nowait()[-1])
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
        await self._socket.send(compact(self._hello()))
        writer = None
        try:
            while True:
                self._receive(json.loads(await self._socket.recv()))
                # Everything up to the head is known, and with it what became of what was sent before.
                if not writer and self._welcome and self.position and self.position["seq"] >= self._welcome["head"]:
                    writer = asyncio.create_task(self._speak())
        finally:
            if writer:
                writer.cancel()
                await asyncio.gather(writer, return_exceptions=True)

    def _hello(self):
        hello = {"type": "hello", "version": 1, "secret": self.secret, "presence": self._on_presence is not None}
        if self.position:
            hello["since"] = self.position
        return hello

    async def _speak(self):
        if self._presence:
            await self._socket.send(self._presence)
        await self._write()

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
            case "presence":
                others = {} if message.get("all") else dict(self.others)
                others |= {one["client"]: one["data"] for one in message.get("present", [])}
                self._others_are({client: data for client, data in others.items()
                                  if client not in message.get("gone", []) and client != self.client})

    def _others_are(self, others):
        if others != self.others:
            self.others = others
            self._on_presence(others)

    def _is_next(self, seq):
        """Whether an entry moves the position, which it has done then; or was seen already."""
        if seq > self.position["seq"] + 1:
            raise Gap
        is_next = seq == self.position["seq"] + 1
        self.position["seq"] += is_next
        return is_next


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
