"""A client of Patchcast's documents, the simplest there is: it merges nothing, and shows a change once it is made.

    python document.py ws://127.0.0.1:5001/room

prints the state of a document as a JSON line whenever it has changed, and makes the patches that it reads on standard input, a
JSON list a line. It ends with its input, when all of it is made. Written from docs/documents.md alone.
"""

import asyncio
import json
import sys
from dataclasses import dataclass, field

from client import Client, Rejected, compact, settle


@dataclass(frozen=True)
class Receipt:
    """What became of a change: the entry that it is, and the places where it met what others have done."""

    seq: int
    outcome: str = "as-sent"
    conflicts: list = field(default_factory=list)


@dataclass
class Op:
    """A change that is wanted. `message` is what was sent of it; `None` when its patches are still to be made."""

    make: callable
    flags: dict
    message: str = None
    patches: list = None


class Document(Client):
    """A document, joined while it is entered with `async with`, over as many connections as that takes.

    `state` is what it is as of `position`. `on_change(state)` is called whenever it has become another one. `initial` is what a
    document begins as that is new.

    To go on in another process, keep `secret`, and `position` and `state` together.
    """

    def __init__(self, url, *, initial=None, on_change=None, state=None, **options):
        super().__init__(url, **options)
        self.state = state
        self._initial, self._on_change = initial, on_change
        self._answered = asyncio.Event()

    def update(self, make, *, strict=False, reset=False):
        """Returns a future: the `Receipt`, once the change is stored, or `Rejected` or `Closed`.

        `make(state)` gives the patches, and must not change the state. It is called when the changes before it are made, and again when
        its patches cannot be: a `strict` one whenever somebody else was faster. Without patches nothing is changed, and there is no receipt.
        """
        flags = {name: True for name, given in (("strict", strict), ("reset", reset)) if given}
        return self._submit(Op(make, flags))

    def _hello(self):
        hello = super()._hello() | {"kind": "document"}
        return hello if self._initial is None else hello | {"initial": self._initial}

    async def _write(self):
        """One at a time. What was sent by an earlier connection, and has not become an entry, is sent again as it was."""
        while True:
            if not self._pending:
                self._last_id += 1
                self._pending[self._last_id] = await self._new.get()
            [(id, (op, settled))] = self._pending.items()
            if op.message or self._prepare(id, op, settled):
                self._answered.clear()
                await self._socket.send(op.message)
                await self._answered.wait()

    def _prepare(self, id, op, settled):
        """Whether there is something to send."""
        try:
            op.patches = json.loads(compact(op.make(self.state)))
        except Exception as mistake:
            self._finish(id, mistake)
            return False
        if not op.patches:
            self._finish(id, None)
            return False
        op.message = compact({"type": "op", "id": id, "base": self.position["seq"], **op.flags, "patches": op.patches})
        if len(op.message.encode()) > self._welcome["max_message"]:
            self._finish(id, Rejected("too_large", f"above {self._welcome['max_message']} bytes"))
            return False
        return True

    def _receive(self, message):
        match message["type"]:
            case "reset":
                super()._receive(message)
                for id in list(self._pending):  # Made on a state of another log.
                    self._make_anew(id)
            case "welcome":
                super()._receive(message)
                if "snapshot" in message:
                    self.position = None  # Until it comes.
            case "snapshot":
                self.position = {"epoch": self._welcome["epoch"], "seq": message["seq"]}
                self._become(message["state"])
            case "entries":
                for seq, entry in enumerate(message["entries"], message["after"] + 1):
                    self._arrive(seq, entry["client"] == self.client and entry["id"], entry)
            case "ack":
                op, _ = self._pending[message["id"]]
                self._arrive(message["seq"], message["id"], {"patches": op.patches} | message)
            case "reject":
                op, _ = self._pending[message["id"]]
                if message["code"] == "base_forgotten" or (message["code"] == "conflict" and op.flags.get("strict")):
                    self._make_anew(message["id"])
                else:
                    self._finish(message["id"], Rejected(message["code"], message["reason"]))
            case _:
                super()._receive(message)

    def _arrive(self, seq, own, made):
        """An entry; or an ack, which is one with an id of our `own`."""
        if self._is_next(seq):
            self._become(apply(self.state, made["patches"]))
        if own in self._pending:
            self._finish(own, Receipt(seq, made.get("outcome", "as-sent"), made.get("conflicts", [])))

    def _become(self, state):
        self.state = state
        if self._on_change:
            self._on_change(state)

    def _finish(self, id, outcome):
        _, settled = self._pending.pop(id)
        settle(settled, outcome)
        self._answered.set()

    def _make_anew(self, id):
        """Under an id of its own: the old one is another op's."""
        op, settled = self._pending.pop(id)
        self._last_id += 1
        self._pending[self._last_id] = Op(op.make, op.flags), settled
        self._answered.set()


def apply(state, patches):
    """The state with the patches made. It is changed itself, where its root is not replaced."""
    for patch in patches:
        path, value = patch["path"], patch.get("value")
        if not path:
            state = value
            continue
        parent = state
        for step in path[:-1]:
            parent = parent[place_in(parent, step)]
        place = place_in(parent, path[-1])
        if isinstance(parent, dict):
            if "value" in patch:
                parent[place] = value
            else:
                parent.pop(place, None)
        elif place == "length":
            parent[value:] = [None] * (value - len(parent))
        elif patch["op"] == "add":
            parent.insert(place, value)
        elif patch["op"] == "remove":
            del parent[place]
        elif patch["op"] == "move":
            parent.insert(place, parent.pop(patch["from"]))
        else:
            parent[place:place + 1] = [value]
    return state


def place_in(container, step):
    """Whether a step of a path is a key or an index is for the container to say."""
    if isinstance(container, dict):
        return str(step)
    if step == "-":
        return len(container)
    return step if step == "length" else int(step)


async def main(url):
    def show(state):
        print(compact(state), flush=True)

    async def make_lines(document):
        made = []
        while line := await asyncio.to_thread(sys.stdin.readline):
            patches = json.loads(line)
            made.append(document.update(lambda _, patches=patches: patches))
        await asyncio.gather(*made)

    async with Document(url, on_change=show) as document:
        tasks = [asyncio.create_task(task) for task in (make_lines(document), document.closed())]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
