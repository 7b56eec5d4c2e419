"""What benchmarks of the fast lane are made of: recorded frames, the records that `apply` would write, rings in memory, and two processes:
normalize for the feed; strategy, risk and execute for the lane, with limits on three levels of which none is ever reached.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from order_cycle import LIMITS, Cycle

from streams.agents.process import Process
from streams.agents.spec import ProcessSpec, StrategySpec
from streams.lanes.fast_rings import FastShard, RingRun
from streams.lanes.ring import Ring
from streams.records import Command, CommandType, FeeRounding, Instrument, InstrumentType, Limit, Name, NameKind
from streams.schema import ids
from streams.strategies.base import Strategy
from streams.venues.binance.recording import Line, read_recording
from streams.venues.binance.synthetic import SyntheticMarket
from tests.real_recording import PATH

__all__ = [
    "COMMANDS_WRITER",
    "EPOCH_S",
    "EVENTS_WRITER",
    "FRAMES_WRITER",
    "RUN",
    "TICKS_WRITER",
    "VENUE",
    "Columns",
    "columns",
    "control",
    "feed_process",
    "frames",
    "lane_process",
    "rings",
    "symbol",
]

VENUE, ACCOUNT, DESK, RUN, EPOCH_S = "binance", "maker-1", "desk:one", 1, 1_700_000_000
BASES = ("BTC", "ETH", "SOL", "XRP", "BNB", "ADA", "LTC", "DOT", "TRX", "XLM")
TOPICS = (
    *("book_updates", "trades", "quotes", "commands", "funding", "signals", "orders", "decisions", "requests", "reports", "fills"),
    *("positions", "balances", "metrics", "risk_metrics", "latency"),
)
WRITERS = {f"{topic}.v1": 10 + k for k, topic in enumerate(TOPICS)}
FRAMES_WRITER, TICKS_WRITER, COMMANDS_WRITER, EVENTS_WRITER = 40, 41, 42, 43
ROOM = {"scopes": 4, "accounts": 1, "executions": 1 << 12, "orders": 512, "window": 4096, "far": 8192, "levels": 1 << 13}
MADE_S = 600.0


def symbol(i: int) -> str:
    """The symbol of an instrument number; the first is that of the recording."""
    return f"{BASES[i % 10]}{'' if i < 10 else BASES[i // 10 - 1]}USDT"


def control(instruments: int, run_start_ns: int = 0) -> Iterator[NamedTuple]:
    """Names, instruments (tick 0.1, lot 0.001), limits on three levels, and the RUN command."""
    head = {"cause_id": 0, "run_id": 0, "ts_ns": 0, "recv_ts_ns": 0}
    names = [(NameKind.VENUE, VENUE), (NameKind.CURRENCY, "USDT"), (NameKind.ACCOUNT, ACCOUNT), (NameKind.STRATEGY, "maker")]
    names += [(NameKind.SCOPE, "firm"), (NameKind.SCOPE, DESK), (NameKind.SCOPE, f"account:{ACCOUNT}")]
    for i in range(instruments):
        names += [(NameKind.INSTRUMENT, f"{VENUE}:{symbol(i)}"), (NameKind.CURRENCY, symbol(i).removesuffix("USDT"))]
    count: dict[NameKind, int] = {}
    for k, (kind, name) in enumerate(names, 1):
        yield Name(**head, id=ids.make(1, k), kind=kind, number=count.get(kind, 0), name=name, epoch=EPOCH_S)
        count[kind] = count.get(kind, 0) + 1
    for i in range(instruments):
        yield Instrument(
            **head,
            id=ids.make(2, i + 1),
            venue=VENUE,
            symbol=symbol(i),
            instrument_type=InstrumentType.LINEAR,
            base=symbol(i).removesuffix("USDT"),
            quote="USDT",
            tick_e9=100_000_000,
            lot_e9=1_000_000,
            multiplier_e9=1_000_000_000,
            maker_fee_e9=200_000,
            taker_fee_e9=500_000,
            min_qty_e9=1_000_000,
            max_qty_e9=1_000_000_000_000,
            min_notional=Decimal(5),
            money_scale=8,
            fee_rounding=FeeRounding.HALF_UP,
            valid_from_ns=0,
        )
    scopes = {"firm": None, DESK: "firm", f"account:{ACCOUNT}": DESK}
    for k, (scope, parent) in enumerate(scopes.items()):
        for rule, value in LIMITS.items():
            yield Limit(**head, id=ids.make(3, 100 * k + rule + 1), scope=scope, parent=parent, rule=rule, **value)
    yield Command(**head, id=ids.make(4, 1), kind=CommandType.RUN, target="", reason="benchmark", run_number=RUN, speed=1.0)


def _process(name: str, agents: tuple[str, ...], instruments: int, cls: type[Strategy] | None) -> Process:
    symbols = tuple(f"{VENUE}:{symbol(i)}" for i in range(instruments))
    strategies = () if cls is None else (StrategySpec("maker", cls, ACCOUNT, symbols),)
    sizes = ROOM | {"instruments": instruments, "currencies": 1 + instruments, "strategies": 1}
    return Process(ProcessSpec(name, 0, agents, strategies, sizes, WRITERS, EPOCH_S), compiled=True)


def feed_process(instruments: int = 1) -> Process:
    """Normalize, with its control records."""
    process = _process("market", ("normalize",), instruments, None)
    for record in control(instruments):
        process.on_input(record)
    process.take_outputs()
    return process


def lane_process(instruments: int = 1, cls: type[Strategy] = Cycle) -> Process:
    """Strategy, risk and execute, with their control records stepped."""
    process = _process("trade", ("strategy", "risk", "execute"), instruments, cls)
    for record in control(instruments):
        process.on_input(record)
    process.take_outputs()
    return process


@dataclass(frozen=True)
class Columns:
    """Frames in memory, int64[n] each; text keeps the bytes alive."""

    text: np.ndarray
    starts: np.ndarray
    sizes: np.ndarray
    times_ns: np.ndarray
    source: str

    def __len__(self) -> int:
        return len(self.sizes)


def frames(most: int = 1 << 30) -> tuple[list[tuple[int, bytes]], str]:
    """(receive time, payload) of the recorded market where the recording is, else of a synthetic one; and which it is."""
    if PATH.exists():
        return [(line.recv_ts_ns, line.payload) for line in read_recording(PATH) if isinstance(line, Line)][:most], "recording"
    return list(SyntheticMarket(seconds=MADE_S).frames())[:most], "made market"


def columns(found: list[tuple[int, bytes]], source: str) -> Columns:
    """The same as columns."""
    text = np.frombuffer(b"".join(payload for _, payload in found) + bytes(64), np.uint8)
    sizes = np.array([len(payload) for _, payload in found], np.int64)
    starts = text.ctypes.data + np.cumsum(sizes) - sizes
    return Columns(text, starts, sizes, np.array([ts_ns for ts_ns, _ in found], np.int64), source)


@contextmanager
def rings(ring_mib: int = 16) -> Iterator[FastShard]:
    """The rings of one shard in memory, gone afterwards. Nobody waits for the mirror, which is held, nor for a checkpoint."""
    with TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        shard = FastShard(Path(folder), 0, feed="feed", lane="trade", gateway="gateway", ring_mib=ring_mib)
        shard.create_all(RingRun(RUN))
        for name, plan in shard.plans().items():
            ring = Ring.open(shard.path(name), plan.slots, plan.about)
            for reader in {shard.mirror_label, plan.writer} & set(plan.readers):
                ring.free(reader)
            ring.close()
        yield shard
