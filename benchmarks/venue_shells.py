"""What the shells around a venue cost in CPU seconds, without a broker: the simulated venue follows its market and answers requests, the
feed turns lines of a recording into frames.

Peers are the same steps one record at a time, which is what the shells did before. Each result is checked before a figure is given.
"""

import ctypes
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim, conditions, report

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from streams.records import BookLevel, BookUpdate, FeeRounding, Frame, Instrument, InstrumentType, OrdType, Side, TimeInForce, Trade
from streams.schema import codec, model, units
from streams.schema.slots_in import SlotReader
from streams.venues.binance.blocks import merge_blocks
from streams.venues.binance.frame_encoder import FrameEncoder
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from streams.venues.merge import Rows, merged
from streams.venues.sim.exchange import SimExchange
from streams.venues.sim.log import VenueLog
from streams.venues.sim.recorder import Recorder

E9 = 10**9
RECORDS, SLOW_RECORDS, ORDERS, RUNS, LEVELS = 100_000, 5_000, 5_000, 5, 10
CHUNK = 2_000
TICK_E9, LOT_E9 = E9 // 10, E9 // 1000
TOPICS = (BookUpdate, Trade)  # by place


def main() -> None:
    """Print the claims."""
    report("venue_shells", conditions(records=RECORDS, levels_an_update=LEVELS), lambda: [*follow(), *requests(), *feed()])


def instrument() -> Instrument:
    """A linear contract."""
    figures = (TICK_E9, LOT_E9, E9, 200_000, 500_000, LOT_E9, 0, units.money_to_decimal(0), 8, FeeRounding.HALF_UP, 0)
    return Instrument(0, 0, 0, 0, 0, "sim", "BTCUSDT", InstrumentType.LINEAR, "BTC", "USDT", *figures)


def cpu_s(run: Callable[[Any], Any], make: Callable[[], Any] = lambda: None, runs: int = RUNS) -> float:
    """CPU seconds of a call with what was made for it, the least of several."""
    found = []
    for _ in range(runs):
        made = make()
        began = time.process_time()
        run(made)
        found.append(time.process_time() - began)
    return min(found)


# ---- the market ----
def market(n: int) -> list[tuple[int, Any]]:
    """(place, record): three updates of ten levels, then a trade, again and again."""
    found: list[tuple[int, Any]] = []
    for k in range(n):
        head = (k + 1, 0, 1, 1_000 + k, 1_000 + k, "sim", "BTCUSDT", 0)
        if k % 4 == 3:
            found.append((1, Trade(*head, k, Side(k & 1), (1_000 + (k & 1)) * TICK_E9, (1 + k % 7) * LOT_E9)))
            continue
        sides = [(Side(i & 1), 1_000 - i // 2 if i & 1 == 0 else 1_001 + i // 2) for i in range(LEVELS)]
        levels = tuple(BookLevel(side, px * TICK_E9, (k * 7 + px) % 50 * LOT_E9) for side, px in sides)
        found.append((0, BookUpdate(*head, 0, k + 1, k == 0, False, levels)))
    return found


def follow() -> list[Claim]:
    """From bodies of two topics to the end of the matching."""
    records = market(RECORDS)
    bodies = [(place, codec.encode(record)) for place, record in records]
    columns = [_values([body for at, body in bodies if at == place]) for place in (0, 1)]

    def fast(made: SimExchange) -> SimExchange:
        reader = SlotReader(made.slots.edge)
        parts = [_read(reader, place, *columns[place][1:]) for place in (0, 1)]
        rows = merged(Rows.join(parts))
        for first in range(0, len(rows), CHUNK):
            chunk = rows.take(slice(first, first + CHUNK))
            made.on_market(chunk.start, chunk.size)
        return made

    def slow(made: SimExchange) -> SimExchange:
        for place, body in bodies[:SLOW_RECORDS]:
            starts, sizes, kept = made.slots.arrays([codec.decode(TOPICS[place], body)])
            made.on_market(starts, sizes)
            del kept
        return made

    def empty(compiled: bool) -> SimExchange:
        return SimExchange(1, [instrument()], compiled=compiled)

    assert fast(empty(True)).matcher.now_ns() == 1_000 + RECORDS - 1
    assert slow(empty(False)).matcher.venue.books[0].bid() == 1_000
    ours, peer = RECORDS / cpu_s(fast, lambda: empty(True)), SLOW_RECORDS / cpu_s(slow, lambda: empty(False), 1)
    return [_claim("market records followed a CPU second", ours, peer, "records/s", 200_000)]


def _values(bodies: list[bytes]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    memory = np.frombuffer(b"".join(bodies), np.uint8)
    sizes = np.array([len(body) for body in bodies], np.int64)
    return memory, memory.ctypes.data + np.cumsum(sizes) - sizes, sizes


def _read(reader: SlotReader, place: int, addresses: np.ndarray, sizes: np.ndarray) -> Rows:
    found = reader.read(model.SCHEMAS[TOPICS[place].__name__], addresses, sizes)
    n = len(sizes)
    places, offsets = np.full(n, place, np.int64), np.arange(n)
    return Rows(places, offsets, found.recv_ts_ns, found.start, found.nbytes, places, {place: found.kept})


# ---- requests ----
def requests() -> list[Claim]:
    """New orders and cancels as lines of JSON, to the log and to reports as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(RUNS + 1))

        def make() -> Recorder:
            return Recorder(VenueLog(Path(folder) / str(next(numbers))), 1, [instrument()], [("book_updates.v1", 0)], [0], True)

        def play(recorder: Recorder) -> None:
            said = []
            for k in range(ORDERS):
                for message in (_new(k), {"op": "cancel", "req": 2 * k + 1, "cl_ord_id": f"mr{k}"}):
                    text = json.dumps(message)
                    said += recorder.on_request("gateway/0", json.loads(text), text, k)
                recorder.write()
            recorder.close()
            assert [json.loads(text)["report"] for _, text in said[:2]] == ["ACK", "CANCELLED"]
            assert len(said) == 2 * ORDERS

        return [_claim("requests answered by the simulated venue a CPU second", 2 * ORDERS / cpu_s(play, make), None, "requests/s", 20_000)]


def _new(k: int) -> dict[str, Any]:
    terms = {"side": Side.BUY.name, "type": OrdType.LIMIT.name, "tif": TimeInForce.GTC.name, "qty": "0.005", "px": "99.5"}
    return {"op": "new", "req": 2 * k, "cl_ord_id": f"mr{k}", "symbol": "BTCUSDT", **terms}


# ---- the feed ----
def feed() -> list[Claim]:
    """From the text of a recording to values of frames.v1."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "market.txt")
        n = write_synthetic(path, SyntheticMarket(seconds=100, events_per_s=1_000))
        assert _waves(path)[-1] == _lines(path)[-1]
        ours, peer = n / cpu_s(lambda _: _waves(path, copy=False)), n / cpu_s(lambda _: _lines(path), runs=1)
    return [_claim("frames made of a recording's lines a CPU second", ours, peer, "frames/s", 200_000)]


def _waves(path: str, copy: bool = True) -> list[bytes]:
    encoder, first_id, values = FrameEncoder(bytes(5), 1, "binance"), 1, []
    for rows in merge_blocks((path,)):
        seqs = np.arange(first_id, first_id + len(rows))
        out, starts, sizes = encoder.encode(first_id, 0, 1, rows.recv_ts_ns, seqs, rows.start, rows.size)
        first_id += len(rows)
        if copy:
            values += [ctypes.string_at(out.ctypes.data + a, size) for a, size in zip(starts.tolist(), sizes.tolist(), strict=True)]
    return values


def _lines(path: str) -> list[bytes]:
    lines = (line for line in read_recording(path) if isinstance(line, Line))
    return [bytes(5) + codec.encode(Frame(i, 0, 1, x.recv_ts_ns, x.recv_ts_ns, "binance", 1, i, x.payload)) for i, x in enumerate(lines, 1)]


def _claim(claim: str, ours: float, peer: float | None, unit: str, goal: int) -> Claim:
    return Claim(claim, ours, peer, None if peer is None else ours / peer, unit, f">= {goal:,}", ours >= goal)


if __name__ == "__main__":
    main()
