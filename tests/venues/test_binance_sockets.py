"""The live feed against a local server: frames as sent, snapshots on connecting and on demand, reconnection."""

import asyncio

import pytest

from streams.venues.binance import sockets
from streams.venues.binance.messages import Snapshot, parse
from streams.venues.binance.rules import Market
from streams.venues.binance.sockets import LiveFeed, address
from tests.venues.binance_frames import snapshot, usdm_diff, usdm_ticker
from tests.venues.local_venue import LocalVenue

FIRST, SECOND = usdm_diff(1, 5, 0), usdm_ticker(5, "1", "1", "2", "1")
BOOK = snapshot(4, [["1", "1"]], [["2", "1"]], E=1, T=1)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(sockets, "_BACKOFF_S", (0.01, 0.1))
    monkeypatch.setattr(sockets, "_SPACING_S", 0.01)


def live(
    venue: LocalVenue, frames: list[tuple[int, bytes]], symbols: tuple[str, ...] = ("BTCUSDT",), first_connection: int = 1
) -> LiveFeed:
    return LiveFeed(address(Market.USDM, venue.url, venue.url), symbols, lambda *frame: frames.append(frame), first_connection)


async def running(venue: LocalVenue, feed: LiveFeed, test) -> None:
    task = asyncio.create_task(feed.run())
    try:
        await test()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_live_feed_hands_over_frames_as_sent_and_a_snapshot_of_each_symbol():
    async def scenario() -> None:
        frames: list[tuple[int, bytes]] = []
        async with LocalVenue([[FIRST, SECOND]], lambda _: (200, BOOK)) as venue:
            feed = live(venue, frames, ("BTCUSDT", "ETHUSDT"))
            await running(venue, feed, lambda: venue.until(lambda: len(frames) == 4))
        assert [payload for _, payload in frames if payload in (FIRST, SECOND)] == [FIRST, SECOND]
        books = [message for _, payload in frames if isinstance(message := parse(payload), Snapshot)]
        assert [(book.symbol, book.last_update_id) for book in books] == [("BTCUSDT", 4), ("ETHUSDT", 4)]
        assert {connection for connection, _ in frames} == {1}
        assert all(BOOK in payload for _, payload in frames if payload not in (FIRST, SECOND))  # the answer's bytes, unchanged
        assert venue.streams == [
            "btcusdt@depth@100ms/btcusdt@bookTicker/btcusdt@aggTrade/btcusdt@markPrice@1s/"
            "ethusdt@depth@100ms/ethusdt@bookTicker/ethusdt@aggTrade/ethusdt@markPrice@1s"
        ]

    asyncio.run(scenario())


def test_live_feed_dropped_connection_comes_back_with_the_next_number_and_a_snapshot():
    async def scenario() -> None:
        frames: list[tuple[int, bytes]] = []
        async with LocalVenue([[FIRST], [SECOND]], lambda _: (200, BOOK)) as venue:

            async def test() -> None:
                await venue.until(lambda: len(frames) == 2)
                await venue.drop()
                await venue.until(lambda: len(frames) == 4)

            await running(venue, live(venue, frames, first_connection=8), test)
        assert (8, FIRST) in frames
        assert (9, SECOND) in frames
        assert sorted(connection for connection, _ in frames) == [8, 8, 9, 9]

    asyncio.run(scenario())


def test_live_feed_resync_fetches_one_more_snapshot():
    async def scenario() -> None:
        frames: list[tuple[int, bytes]] = []
        async with LocalVenue([[]], lambda _: (200, BOOK)) as venue:
            feed = live(venue, frames)

            async def test() -> None:
                await venue.until(lambda: len(frames) == 1)
                feed.resync("BTCUSDT")
                await venue.until(lambda: len(frames) == 2)

            await running(venue, feed, test)
        assert venue.asked == ["BTCUSDT", "BTCUSDT"]

    asyncio.run(scenario())


def test_live_feed_refused_snapshot_is_asked_for_again():
    async def scenario() -> None:
        frames: list[tuple[int, bytes]] = []
        answers = [(429, b'{"code":-1003,"msg":"too many requests"}'), (500, b"oops"), (200, BOOK)]
        async with LocalVenue([[FIRST]], lambda _: answers.pop(0)) as venue:
            await running(venue, live(venue, frames), lambda: venue.until(lambda: len(frames) == 2))
        assert len(venue.asked) == 3
        assert frames[-1][1].endswith(BOOK + b"}")

    asyncio.run(scenario())


def test_live_feed_no_server_keeps_trying():
    async def scenario() -> None:
        frames: list[tuple[int, bytes]] = []
        async with LocalVenue([], lambda _: (200, BOOK)) as venue:
            url = venue.url
        feed = LiveFeed(address(Market.USDM, url, url), ("BTCUSDT",), lambda *frame: frames.append(frame))
        task = asyncio.create_task(feed.run())
        await asyncio.sleep(0.1)
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert frames == []

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("market", "stream", "depth"),
    [
        (
            Market.SPOT,
            "wss://stream.binance.com:9443/stream?streams=x@depth@100ms/x@bookTicker/x@trade",
            "https://api.binance.com/api/v3/depth?symbol=X&limit=5000",
        ),
        (
            Market.COINM,
            "wss://dstream.binance.com/stream?streams=x@depth@100ms/x@bookTicker/x@aggTrade/x@markPrice@1s",
            "https://dapi.binance.com/dapi/v1/depth?symbol=X&limit=1000",
        ),
    ],
)
def test_address_of_each_market_is_the_public_one(market, stream, depth):
    assert address(market).stream_url(("X",)) == stream
    assert address(market).depth_url("X") == depth
