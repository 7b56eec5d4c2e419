"""What the simulated venue's client sends within a call, over a socket whose other end does not read for a while."""

import asyncio
import json
import socket

import pytest
from aiohttp import WSMsgType, web

from streams.errors import VenueError
from streams.venues.sim.client import SimClient


def text(number, nbytes=0):
    return json.dumps({"op": "new", "req": number, "pad": "x" * nbytes})


def play(script):
    """Run `script(client, reads, seen)`: the venue reads nothing before the event `reads` is set, and tells of each line in `seen`."""

    async def main():
        reads, seen = asyncio.Event(), []

        async def serve(request):
            ws = web.WebSocketResponse(max_msg_size=1 << 26)
            await ws.prepare(request)
            await ws.send_json({"hello": (await ws.receive_json())["client"]})
            await reads.wait()
            async for message in ws:
                if message.type == WSMsgType.TEXT:
                    seen.extend(json.loads(line)["req"] for line in message.data.split("\n"))
            return ws

        app = web.Application()
        app.router.add_get("/", serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        listening = socket.create_server(("127.0.0.1", 0))
        await web.SockSite(runner, listening).start()
        client = SimClient(f"ws://127.0.0.1:{listening.getsockname()[1]}/", "gateway/0")
        await client.connect()
        try:
            await asyncio.wait_for(script(client, reads, seen), 20)
        finally:
            reads.set()
            await client.close()
            await runner.cleanup()

    asyncio.run(main())


async def until(condition):
    while not condition():
        await asyncio.sleep(0.001)


def test_send_now_has_given_its_texts_to_the_socket_when_it_returns():
    async def script(client, reads, seen):
        reads.set()
        assert client.send_now([text(1), text(2)])
        assert client.send_now([text(3)])
        await until(lambda: len(seen) == 3)
        assert seen == [1, 2, 3]

    play(script)


def test_send_now_on_a_full_connection_refuses_until_it_has_room_and_loses_nothing():
    async def script(client, reads, seen):
        sent = 0
        while client.send_now([text(sent + 1, 200_000)]):
            sent += 1
            assert sent < 500
        assert not client.send_now([text(0)])
        waiting = asyncio.ensure_future(client._say(text(sent + 1)))
        await asyncio.sleep(0.01)
        reads.set()
        await waiting
        await until(lambda: client.send_now([text(sent + 2)]))
        await until(lambda: len(seen) == sent + 2)
        assert seen == list(range(1, sent + 3))

    play(script)


def test_send_now_without_a_connection_sends_nothing():
    assert not SimClient("ws://127.0.0.1:1/", "gateway/0").send_now([text(1)])


def test_send_now_on_a_connection_that_was_closed_says_that_it_is_gone():
    async def script(client, reads, seen):
        client._socket._writer.transport.abort()
        with pytest.raises(VenueError, match="the connection is gone"):
            client.send_now([text(1)])

    play(script)
