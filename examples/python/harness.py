"""What the tests of both clients need: a real server, whose address is in PATCHCAST_TEST_URL (http://127.0.0.1:PORT), and ways to it that fail."""

import asyncio
import faulthandler
import os
import secrets
import unittest
from contextlib import asynccontextmanager

SERVER = os.environ["PATCHCAST_TEST_URL"].removeprefix("http://")

# Seconds after which a test hangs, and ends all: the traceback tells where. Nothing waits for them to pass.
DEADLINE = 60


class Seen(asyncio.Queue):
    """What a callback was told, in order."""

    async def next(self, count=1):
        return [await self.get() for _ in range(count)]

    async def until(self, wanted):
        while (told := (await self.next())[0]) != wanted:
            pass
        return told


class Link:
    """A way to the server that can lose or hold back what the server says, and break without a close frame."""

    @classmethod
    @asynccontextmanager
    async def open(cls):
        link = cls()
        link.transports, link.up, link.flows, link.carriers = [], asyncio.Event(), asyncio.Event(), set()
        link.mend()
        server = await asyncio.start_server(link._carry, "127.0.0.1", 0)
        link.address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
        yield link
        server.close()
        link.cut()
        link.mend()
        await asyncio.gather(*link.carriers)

    def cut(self):
        """Breaks what there is, and lets nothing through until it is mended."""
        self.up.clear()
        while self.transports:
            self.transports.pop().abort()

    def mend(self):
        self.deaf, self.carried = False, 0
        self.up.set()
        self.flows.set()

    def hold(self):
        """What the server says waits until it is let go."""
        self.flows.clear()

    def let_go(self):
        self.flows.set()

    async def _carry(self, reader, writer):
        self.carriers.add(asyncio.current_task())
        await self.up.wait()
        host, port = SERVER.split(":")
        far_reader, far_writer = await asyncio.open_connection(host, int(port))
        self.transports += [writer.transport, far_writer.transport]
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer, from_server=True))

    async def _pump(self, reader, writer, from_server=False):
        try:
            while data := await reader.read(65536):
                if from_server:
                    await self.flows.wait()
                if not (from_server and self.deaf):
                    self.carried += len(data)
                    writer.write(data)
        except OSError:
            pass
        writer.transport.abort()


class Tests(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        faulthandler.dump_traceback_later(DEADLINE, exit=True)
        self.addCleanup(faulthandler.cancel_dump_traceback_later)
        # A room of its own for every test.
        self.name = f"python/{self._testMethodName}/{secrets.token_hex(8)}"
