"""The Python client of documents against a real server."""

import asyncio
import json
import os
import secrets
import sys
import unittest
from contextlib import AsyncExitStack
from pathlib import Path

from client import Rejected
from document import Document, Receipt, apply
from harness import SERVER, Link, Seen, Tests

VECTORS = Path(__file__).parents[2] / "crates/protocol/tests/vectors"


def add(index, value):
    return lambda state: [{"op": "add", "path": ["gifts", index], "value": value}]


def rename(index, name):
    return lambda state: [{"op": "replace", "path": ["gifts", index, "name"], "value": name}]


def gift(name):
    return {"id": secrets.token_hex(4), "name": name}


class Documents(Tests):
    def join(self, server=SERVER, **more):
        more.setdefault("initial", {"gifts": [{"name": "book"}, {"name": "game"}, {"name": "kite"}]})
        seen = Seen()
        changed = lambda state: seen.put_nowait([gift["name"] for gift in state["gifts"]] if state else None)
        document = Document(f"ws://{server}/{self.name}", on_change=changed, **more)
        document.seen = seen
        return document

    async def assert_state(self, *names):
        async with self.join() as document:
            await document.update(lambda state: [])
            self.assertEqual([gift["name"] for gift in document.state["gifts"]], list(names))

    async def test_what_all_change_at_once_becomes_the_same_for_all(self):
        to_the_end = lambda state: [{"op": "move", "path": ["gifts", 2], "from": 0}]
        async with self.join() as ann, self.join() as bea, self.join() as cid:
            receipts = await asyncio.gather(*[who.update(make) for n in range(20) for who in (ann, bea, cid)
                                              for make in (add(n % 3, gift(f"{n}")), rename(n % 2, f"renamed {n}"), to_the_end)])
            self.assertEqual(sorted(receipt.seq for receipt in receipts), list(range(2, 182)))
            await cid.update(rename(0, "the last"))
            for who in (ann, bea):
                while (await who.seen.next())[0][0] != "the last":
                    pass
            async with self.join() as joiner:
                await joiner.update(lambda state: [])
            self.assertEqual(len(cid.state["gifts"]), 63)
            for who in (ann, bea, joiner):
                self.assertEqual((who.position, who.state), (cid.position, cid.state))

    async def test_a_change_follows_its_item_and_its_author_is_told_so(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.update(lambda state: [])
            link.hold()
            await bea.update(add(0, gift("puzzle")))
            renamed = ann.update(rename(1, "chess"))
            await bea.seen.until(["puzzle", "book", "chess", "kite"])
            link.let_go()
            self.assertEqual(await renamed, Receipt(3, "transformed", []))
        self.assertEqual([gift["name"] for gift in ann.state["gifts"]], ["puzzle", "book", "chess", "kite"])

    async def test_a_change_of_what_somebody_has_removed_is_absorbed_and_the_receipt_says_by_whom(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.update(lambda state: [])
            link.hold()
            await bea.update(lambda state: [{"op": "remove", "path": ["gifts", 1]}])
            renamed, next_one = ann.update(rename(1, "chess")), ann.update(rename(0, "comic"))
            link.let_go()
            receipt = await renamed
            self.assertEqual((receipt.seq, receipt.outcome), (3, "absorbed"))
            self.assertEqual(receipt.conflicts, [{"path": ["gifts", 1], "lost": True, "seq": 2, "client": bea.client}])
            self.assertEqual(await next_one, Receipt(4))
        await self.assert_state("comic", "kite")

    async def test_patches_that_mean_another_thing_by_now_come_back_as_what_was_made(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.update(lambda state: [])
            link.hold()
            await bea.update(add(3, gift("puzzle")))
            cut = ann.update(lambda state: [{"op": "replace", "path": ["gifts", "length"], "value": 2}])
            await bea.seen.until(["book", "game", "puzzle"])
            link.let_go()
            self.assertEqual((await cut).conflicts, [])
            self.assertEqual(ann.state, bea.state)

    async def test_a_change_whose_answer_was_lost_is_made_once(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.update(lambda state: [])
            link.deaf = True
            lost = ann.update(add(0, gift("puzzle")))
            await bea.seen.until(["puzzle", "book", "game", "kite"])
            await bea.update(add(0, gift("ball")))
            link.cut()
            link.mend()
            self.assertEqual(await lost, Receipt(2))
            self.assertEqual((await ann.update(rename(0, "balls"))).seq, 4)
        await self.assert_state("balls", "puzzle", "book", "game", "kite")

    async def test_a_change_is_sent_again_with_its_old_base(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.update(lambda state: [])
            sent = asyncio.Event()

            async def lose(message):
                sent.set()
            ann._socket.send = lose
            renamed = ann.update(rename(2, "kites"))
            await sent.wait()
            link.cut()
            await bea.update(lambda state: [{"op": "remove", "path": ["gifts", 0]}])
            link.mend()
            self.assertEqual(await renamed, Receipt(3, "transformed"))
        await self.assert_state("game", "kites")

    async def test_who_was_away_for_long_is_sent_the_state_and_what_it_did_is_carried_over_all_of_that(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.update(lambda state: [])
            link.hold()
            renamed = ann.update(rename(2, "ball"))
            await bea.seen.until(["book", "game", "ball"])
            link.cut()
            # More of them than are sent as entries.
            async with AsyncExitStack() as stack:
                many = [await stack.enter_async_context(self.join()) for _ in range(20)]
                await asyncio.gather(*[who.update(rename(i % 2, f"{n}")) for n in range(60) for i, who in enumerate(many)])
                await bea.update(add(0, gift("puzzle")))
            link.mend()
            self.assertEqual(await renamed, Receipt(2))
            self.assertIn("snapshot", ann._welcome)
            self.assertEqual((await ann.update(rename(0, "puzzles"))).seq, 1204)
            names = [gift["name"] for gift in ann.state["gifts"]]
            self.assertEqual((names[0], names[3]), ("puzzles", "ball"))

    async def test_another_process_goes_on_with_the_state_and_one_with_another_logs_position_gets_it(self):
        async with self.join() as first:
            await first.update(rename(0, "comic"))
        async with self.join() as bea:
            await bea.update(add(3, gift("ball")))
        known = {"secret": first.secret, "position": first.position, "state": first.state}
        async with self.join(**known) as second:
            self.assertEqual((await second.update(rename(1, "chess"))).seq, 4)
        self.assertEqual(await second.seen.next(2), [["comic", "game", "kite", "ball"], ["comic", "chess", "kite", "ball"]])
        resets = Seen()
        other = {"epoch": "0123456789abcdef", "seq": 2}
        async with self.join(position=other, state={"gifts": []}, on_reset=resets.put_nowait) as lost:
            await resets.next()
            await lost.update(rename(0, "novel"))
        await self.assert_state("novel", "chess", "kite", "ball")

    async def test_only_the_first_to_come_says_what_a_document_begins_as(self):
        async with self.join(initial=None) as ann:
            self.assertIsNone(await ann.update(lambda state: []))
            self.assertIsNone(ann.state)
            async with self.join(initial={"gifts": [], "n": 0}) as bea:
                await bea.update(lambda state: [{"op": "replace", "path": ["n"], "value": 1}])
                async with self.join() as cid:
                    await cid.update(lambda state: [{"op": "replace", "path": ["n"], "value": state["n"] + 1}])
            self.assertEqual(cid.state, {"gifts": [], "n": 2})
            await ann.update(lambda state: [])
            self.assertEqual(await ann.seen.next(4), [None, [], [], []])

    async def test_those_who_count_strictly_count_all(self):
        count = lambda state: [{"op": "replace", "path": ["n"], "value": state["n"] + 1}]
        async with self.join(initial={"gifts": [], "n": 0}) as ann, self.join() as bea, self.join() as cid:
            await asyncio.gather(*[who.update(count, strict=True) for _ in range(15) for who in (ann, bea, cid)])
        async with self.join() as joiner:
            await joiner.update(lambda state: [])
            self.assertEqual(joiner.state["n"], 45)

    async def test_what_cannot_be_made_is_rejected_and_the_next_is_made(self):
        wrong = [
            ("does_not_apply", lambda state: [{"op": "replace", "path": ["gifts", 9, "name"], "value": 1}], {}),
            ("bad_patches", lambda state: [{"op": "test", "path": ["gifts"]}], {}),
            ("reset_needed", lambda state: [{"op": "replace", "path": [], "value": {"gifts": []}}], {}),
            ("too_deep", lambda state: [{"op": "add", "path": ["gifts", 0], "value": json_of_depth(121)}], {}),
            ("too_large", lambda state: [{"op": "add", "path": ["gifts", 0], "value": "x" * 2_000_000}], {}),
        ]
        async with self.join() as ann:
            for code, make, flags in wrong:
                with self.assertRaises(Rejected) as rejected:
                    await ann.update(make, **flags)
                self.assertEqual(rejected.exception.args[0], code)
            with self.assertRaises(KeyError):
                await ann.update(lambda state: state["nothing"])
            self.assertEqual((await ann.update(rename(0, "comic"))).seq, 2)
            empty = {"gifts": []}
            await ann.update(lambda state: [{"op": "replace", "path": [], "value": empty}], reset=True)
        self.assertEqual(ann.state, empty)
        await self.assert_state()

    async def test_the_command_prints_states_and_makes_patches(self):
        await self.assert_state("book", "game", "kite")
        command = await asyncio.create_subprocess_exec(
            sys.executable, "document.py", f"ws://{SERVER}/{self.name}", cwd=os.path.dirname(os.path.abspath(__file__)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        lines = [rename(0, "comic")({}), [{"op": "move", "path": ["gifts", 2], "from": 0}, {"op": "remove", "path": ["gifts", 0]}]]
        out, _ = await command.communicate("".join(json.dumps(line) + "\n" for line in lines).encode())
        self.assertEqual(command.returncode, 0)
        names = [[gift["name"] for gift in json.loads(line)["gifts"]] for line in out.splitlines()]
        self.assertEqual(names, [["book", "game", "kite"], ["comic", "game", "kite"], ["kite", "comic"]])


class Patches(unittest.TestCase):
    def test_patches_do_what_they_do_in_immer(self):
        count = 0
        for line in (VECTORS / "immer-semantics.jsonl").read_text().splitlines():
            vector = json.loads(line)
            # What JSON cannot say, or JavaScript happens to do, stands elsewhere.
            if vector.get("jsonSafe", True) and "result" in vector and "wireReplay" not in vector:
                self.assertEqual(apply(vector["base"], vector["patches"]), vector["result"], vector.get("name"))
                count += 1
        self.assertGreater(count, 80)


def json_of_depth(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


if __name__ == "__main__":
    unittest.main(verbosity=2)
