"""The Python client of streams against a real server."""

import asyncio
import os
import secrets
import sys
import unittest

from client import Closed, Rejected
from harness import SERVER, Link, Seen, Tests
from patchcast import Room


class Rooms(Tests):
    def join(self, server=SERVER, **more):
        seen = Seen()
        room = Room(f"ws://{server}/{self.name}", seen.put_nowait, **more)
        room.seen = seen
        return room

    async def fill(self, *all_data):
        async with self.join() as room:
            await asyncio.gather(*[room.send(data) for data in all_data])

    async def assert_log(self, *all_data):
        """The room holds exactly this."""
        async with self.join() as room:
            # An entry of our own marks the end.
            end = await room.send("end")
            entries = await room.seen.next(len(all_data) + 1)
        self.assertEqual([entry.data for entry in entries], [*all_data, "end"])
        self.assertEqual([entry.seq for entry in entries], list(range(1, end.seq + 1)))

    async def test_what_one_sends_all_get_in_one_order(self):
        async with self.join() as ann, self.join() as bea:
            stored = await asyncio.gather(*[who.send({"n": n}) for n in range(50) for who in (ann, bea)])
            of_ann, of_bea = await ann.seen.next(100), await bea.seen.next(100)
        key = lambda entry: (entry.seq, entry.client, entry.id, entry.time, entry.data)
        self.assertEqual(list(map(key, of_ann)), list(map(key, of_bea)))
        self.assertEqual([entry.seq for entry in of_ann], list(range(1, 101)))
        self.assertEqual(sorted(entry.seq for entry in stored), list(range(1, 101)))
        self.assertEqual([entry.data["n"] for entry in of_ann if entry.own], list(range(50)))
        self.assertEqual([entry.own for entry in of_ann], [not entry.own for entry in of_bea])

    async def test_a_joiner_gets_all_that_was(self):
        large = ["x" * 100_000, *range(900), None, {"deep": [[[]]]}, "ä\U0001f381"]
        await self.fill(*large)
        await self.assert_log(*large)

    async def test_after_a_broken_connection_only_what_was_missed_comes(self):
        async with Link.open() as link, self.join(link.address) as ann:
            await ann.send("before" * 10_000)
            link.cut()
            await self.fill("meanwhile")
            link.mend()
            await ann.send("after")
            self.assertLess(link.carried, 10_000)
            entries = await ann.seen.next(3)
        self.assertEqual([entry.data for entry in entries], ["before" * 10_000, "meanwhile", "after"])
        self.assertEqual([entry.seq for entry in entries], [1, 2, 3])
        self.assertTrue(ann.seen.empty())

    async def test_what_is_sent_without_a_connection_is_stored_later(self):
        async with self.join() as ann:
            await ann.send("before")
            ann._socket.transport.abort()
            stored = await asyncio.gather(*[ann.send(n) for n in range(10)])
        self.assertEqual([entry.seq for entry in stored], list(range(2, 12)))
        await self.assert_log("before", *range(10))

    async def test_an_op_whose_ack_was_lost_is_stored_once(self):
        async with Link.open() as link, self.join(link.address) as ann, self.join() as bea:
            await ann.send("before")
            link.deaf = True
            lost = ann.send("once")
            await bea.seen.next(2)
            self.assertFalse(lost.done())
            link.cut()
            link.mend()
            self.assertEqual((await lost).seq, 2)
            await ann.send("after")
            entries = await ann.seen.next(3)
        self.assertEqual([(entry.seq, entry.own) for entry in entries], [(1, True), (2, True), (3, True)])
        await self.assert_log("before", "once", "after")

    async def test_an_op_that_is_sent_again_is_answered_with_its_entry(self):
        secret = secrets.token_urlsafe(18)
        async with self.join(secret=secret) as first:
            stored = await first.send("once")
        # A client whose memory of the room is ahead of that of its own ops.
        async with self.join(secret=secret, position=first.position) as again:
            answer = asyncio.get_running_loop().create_future()
            again._pending[stored.id] = '{"type":"op","id":%d,"data":"once"}' % stored.id, answer
            self.assertEqual((await answer).seq, stored.seq)
            self.assertTrue(again.seen.empty())
            reused = asyncio.get_running_loop().create_future()
            again._pending[stored.id] = '{"type":"op","id":%d,"data":"other"}' % stored.id, reused
            again._socket.transport.abort()
            with self.assertRaises(Rejected) as rejected:
                await reused
            self.assertEqual(rejected.exception.args[0], "id_reused")
        await self.assert_log("once")

    async def test_another_process_goes_on_where_the_first_ended(self):
        async with self.join() as first:
            await first.send("one")
        await self.fill("two")
        async with self.join(secret=first.secret, position=first.position) as second:
            await second.send("three")
            entries = await second.seen.next(2)
        self.assertEqual([(entry.seq, entry.data, entry.own) for entry in entries], [(2, "two", False), (3, "three", True)])
        await self.assert_log("one", "two", "three")

    async def test_a_position_that_never_was_resets_to_the_beginning(self):
        await self.fill("one", "two")
        async with self.join() as room:
            await room.seen.next(2)
        other_epoch = {"epoch": "0123456789abcdef", "seq": 1}
        for position in (other_epoch, room.position | {"seq": 3}):
            resets = Seen()
            async with self.join(position=position, on_reset=resets.put_nowait) as room:
                await resets.next()
                entries = await room.seen.next(2)
            self.assertEqual([(entry.seq, entry.data) for entry in entries], [(1, "one"), (2, "two")])
        resets = Seen()
        async with self.join(position=other_epoch | {"seq": 0}, on_reset=resets.put_nowait) as room:
            await room.seen.next(2)
        self.assertTrue(resets.empty())

    async def test_bad_data_is_rejected_and_the_next_is_stored(self):
        async with self.join() as room:
            deep = json_of_depth(125)
            bad, good = room.send(deep), room.send("good")
            with self.assertRaises(Rejected) as rejected:
                await bad
            self.assertEqual(rejected.exception.args[0], "bad_data")
            self.assertEqual((await good).seq, 1)
            with self.assertRaises(Rejected) as rejected:
                await room.send("x" * 2_000_000)
            self.assertEqual(rejected.exception.args[0], "too_large")
        await self.assert_log("good")

    async def test_who_is_there_is_known_until_it_goes(self):
        others = Seen()
        async with self.join(on_presence=others.put_nowait) as ann:
            await ann.show("ann")
            async with Link.open() as link, self.join(link.address) as bea:
                await bea.show({"name": "bea"})
                bea_is = {(await bea.send("here")).client: {"name": "bea"}}
                await others.until(bea_is)
                of_joiner = Seen()
                async with self.join(on_presence=of_joiner.put_nowait) as joiner:
                    self.assertEqual((await of_joiner.next())[0], bea_is | {ann.client: "ann"})
                await bea.show(None)
                await others.until({})
                await bea.show("again")
                await others.until({bea.client: "again"})
                link.cut()
                await others.until({})
        self.assertEqual(ann.others, {})

    async def test_a_second_client_with_the_secret_replaces_the_first(self):
        async with self.join() as first:
            await first.send("one")
            async with self.join(secret=first.secret) as second:
                await second.send("two")
                with self.assertRaises(Closed) as closed:
                    await first.closed()
                self.assertEqual(closed.exception.args[0], 4003)
                with self.assertRaises(Closed):
                    await first.send("three")
        await self.assert_log("one", "two")

    async def test_the_command_prints_entries_and_sends_lines(self):
        await self.fill("before")
        command = await asyncio.create_subprocess_exec(
            sys.executable, "patchcast.py", f"ws://{SERVER}/{self.name}", cwd=os.path.dirname(os.path.abspath(__file__)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
        out, _ = await command.communicate(b"one\ntwo\n")
        self.assertEqual(command.returncode, 0)
        self.assertEqual([line.split(b'"data":')[1] for line in out.splitlines()], [b'"before"}', b'"one"}', b'"two"}'])
        await self.assert_log("before", "one", "two")


def json_of_depth(levels):
    value = []
    for _ in range(levels - 1):
        value = [value]
    return value


if __name__ == "__main__":
    unittest.main(verbosity=2)
