"""Small markets for sources: names, recordings on disk, and a stream as plain values."""

import ctypes
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from streams.backtest.events import Events
from streams.backtest.names import MarketNames
from streams.backtest.normalized import File
from streams.backtest.source_recording import RecordingSource
from streams.records import Instrument, Name, NameKind
from streams.schema.edge import Edge
from tests.agents.market_desk import HEAD
from tests.agents.market_flow import INSTRUMENTS, flow

__all__ = ["SIZES", "START_NS", "Seen", "digest", "lines", "names", "recording", "seen", "write"]

START_NS = 1_700_000_000_000_000_000
SIZES = {"instruments": 4, "window": 256, "far": 256, "held": 256, "levels": 64}
WRITERS = dict(zip(("book_updates.v1", "trades.v1", "quotes.v1", "funding.v1", "commands.v1"), range(10, 15), strict=True))


class Seen(NamedTuple):
    """A record of a stream."""

    recv_ts_ns: int
    exch_ts_ns: int
    slots: bytes


def names(instruments: Sequence[Instrument] = INSTRUMENTS, sizes: dict[str, int] = SIZES) -> MarketNames:
    """All that a source has to know of these instruments."""
    edge, venues = Edge(), list(dict.fromkeys(i.venue for i in instruments))
    told = [(NameKind.VENUE, number, venue) for number, venue in enumerate(venues)]
    told += [(NameKind.INSTRUMENT, number, f"{i.venue}:{i.symbol}") for number, i in enumerate(instruments)]
    for kind, number, name in told:
        edge.on_name(Name(*HEAD, kind, number, name, 1_700_000_000))
    for i in instruments:
        edge.on_instrument(i)
    return MarketNames(edge, instruments, writers=WRITERS, feeds={venue: 40 + n for n, venue in enumerate(venues)}, sizes=sizes)


def lines(seed: int, n: int) -> list[bytes]:
    """A recording of `n` frames of three markets, with gaps and damage; several lines have one receive time."""
    rng = Random(seed)
    times = accumulate((rng.choice([0, 0, 1, 1_000, 50_000]) for _ in range(n)), initial=START_NS)
    return [b"%d %b\n" % line for line in zip(times, flow(seed, n), strict=False)]


def write(path: Path, some: Iterable[bytes]) -> str:
    """Lines as a file."""
    path.write_bytes(b"".join(some))
    return str(path)


def recording(*files: str, **options: Any) -> RecordingSource:
    """The files of one venue as a source."""
    return RecordingSource(names(), [File("binance", file) for file in files], **options)


def seen(pieces: Iterable[Events]) -> list[Seen]:
    """Every record of a stream."""
    return [
        Seen(recv, exch, ctypes.string_at(address, nbytes))
        for piece in pieces
        for address, nbytes, recv, exch in zip(*(column.tolist() for column in piece[:4]), strict=True)
    ]


def digest(pieces: Iterable[Events]) -> str:
    """Hash over the slots of a stream and their times, however it is cut."""
    found = blake2b(digest_size=16)
    for recv, exch, slots in seen(pieces):
        found.update(recv.to_bytes(8, "little") + exch.to_bytes(8, "little", signed=True) + slots)
    return found.hexdigest()
