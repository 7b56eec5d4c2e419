"""A backtest, put together from what is asked for: topology, world, market data, simulated venues, manifest; and played.

backtest = Backtest(Asked("topologies/demo.yaml", recordings=("a.gz",)))
played = backtest.play([Memory()])
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from streams.agents.model_file import hash_of
from streams.agents.roles import code_hash as agents_hash
from streams.backtest.engine import Engine
from streams.backtest.events import Events
from streams.backtest.manifest import Manifest
from streams.backtest.names import MarketNames, names_of
from streams.backtest.profit import Profit, Total
from streams.backtest.results import Outcome, Results, Sink
from streams.backtest.source import Source
from streams.backtest.venue import make_venues
from streams.config import plain
from streams.errors import ConfigError
from streams.lanes.writers import TICKS
from streams.records import NameKind
from streams.schema import ids
from streams.strategies.sources import strategy_sources
from streams.topology.classes import load_class
from streams.topology.market_data import open_market_data
from streams.topology.model import Topology, load
from streams.topology.runs import topology_hash
from streams.topology.world import feeds_of, is_plain, world

__all__ = ["Asked", "Backtest", "Played"]

_TAPE, _PLAIN_TAPE = 1 << 14, 1 << 8  # slots; a plain replay is slow, and progress is told whenever a tape is full
Progress = Callable[[float, int], object]
"""Told how much is done (0..1) and how many market records that is."""
Through = Callable[[Iterable[Events]], Iterable[Events]]
"""Gives the market data on as it is, having looked at it."""


@dataclass(frozen=True)
class Asked:
    """What a backtest is asked for.

    path           : the topology's file
    settings       : `KEY=VALUE` each, over what the file says
    recordings     : `[VENUE=]FILE` each; where none is given and no range either, those that the topology names
    from_ns, to_ns : market records received from then on, and before then; None = no bound
    run            : market data of this live run; None = of any
    seed           : of every venue's random numbers, in place of the topology's own; None = those
    plain          : uncompiled
    """

    path: str
    settings: tuple[str, ...] = ()
    recordings: tuple[str, ...] = ()
    from_ns: int | None = None
    to_ns: int | None = None
    run: int | None = None
    seed: int | None = None
    plain: bool = False


class Played(NamedTuple):
    """What came of a backtest.

    outcome : digest, and records by topic
    records : market records played; events: the same with each level of a book update as one, in so many seconds of wall time
    orders  : orders, changes and cancels that strategies asked for; fills: executions
    profit  : by currency
    halted  : faults by name of each strategy that was halted for them
    raised  : of a plain backtest the first of these faults, with file and line, by name
    late    : market records that the venue knew longer before us than is played
    """

    outcome: Outcome
    records: int
    events: int
    seconds: float
    orders: int
    fills: int
    profit: dict[str, Total]
    halted: dict[str, int]
    raised: dict[str, str]
    late: int


class Backtest:
    """One backtest. Making it reads the topology and names the market data; nothing is played yet.

    market : makes the market data, where it is of one's own: `lambda names: from_arrays(names, trades=...)`; then `asked` names none, and
             a range is the source's own

    ConfigError for what was asked wrongly. plain: the whole of it runs uncompiled, since it was asked for or a strategy cannot be compiled
    """

    def __init__(self, asked: Asked, market: Callable[[MarketNames], Source] | None = None) -> None:
        self.asked = asked
        self.topology = _load(asked)
        self.plain = asked.plain or plain() or is_plain(self.topology)
        self.process = world(self.topology, 0, compiled=not self.plain)
        self.source = self._opened() if market is None else self._own(market)
        simulated = {name: venue.simulation.simulated() for name, venue in self.topology.venues.items()}
        numbers = self.process.edge.dictionary.numbers(NameKind.INSTRUMENT)
        self.venues = make_venues(simulated, self.process.instruments, numbers, {"orders": self.process.sizes["orders"]})

    def _opened(self) -> Source:
        asked = self.asked
        return open_market_data(self.topology, self.process, asked.recordings, asked.from_ns, asked.to_ns, asked.run, self.plain)

    def _own(self, market: Callable[[MarketNames], Source]) -> Source:
        asked = self.asked
        if asked.recordings or asked.run is not None or asked.from_ns is not None or asked.to_ns is not None:
            raise ConfigError("a backtest has one source: leave recordings, run, from_ns and to_ns out where the market data is your own")
        return market(names_of(self.process, feeds_of(self.topology, self.process)))

    @cached_property
    def manifest(self) -> Manifest:
        """All that the result depends on. The market data is read for it, as far as that has not been done before."""
        asked = self.asked
        return Manifest(
            topology=self.topology.name,
            topology_hash=topology_hash(self.topology),
            sources=self.source.describe(),
            clock_offset_ns=self.source.clock_offset_ns(),
            models={venue.name: venue.describe() for venue in self.venues},
            seed=asked.seed,
            settings=dict(text.split("=", 1) for text in asked.settings),
            from_ns=asked.from_ns,
            to_ns=asked.to_ns,
            live_run=asked.run,
            strategies={name: _strategy(entry.path, entry.model) for name, entry in self.topology.strategies.items()},
        )

    def play(
        self,
        sinks: Sequence[Sink] = (),
        progress: Progress = lambda done, count: None,
        through: Through = lambda pieces: pieces,
        market: bool = False,
    ) -> Played:
        """Carry the market data to its end, and give what is written to the sinks. Once only.

        through : sees the market data before it is played
        market  : trades, quotes and funding rates of the market go to the sinks, too
        StepError for a fault of the process; a strategy that fails is halted, and the rest goes on
        """
        process, manifest = self.process, self.manifest
        process.run_id = manifest.run_id
        profit = Profit(process.instruments)
        writers = process.spec.writers
        gateway, ticks = (ids.make(writers[topic], 0) for topic in ("venue_events.v1", TICKS))
        tape_slots = _PLAIN_TAPE if self.plain else _TAPE
        engine = Engine(process, self.venues, gateway_id=gateway, tick_id=ticks, compiled=not self.plain, tape_slots=tape_slots)
        with Results(process.edge, manifest.run_id, [*sinks, profit]) as results:
            began_s = time.perf_counter()

            def tell() -> None:
                progress(min(1.0, int(engine.records) / max(1, self.source.total)), int(engine.records))

            pieces = through(self._pieces(results.take_market if market else None, tell))
            for tape in engine.play(pieces, self.source.clock_offset_ns()):
                results.take(tape)
                tell()
            outcome = results.finish()
            seconds = time.perf_counter() - began_s
        counts = (int(engine.records), engine.events, seconds, int(engine.orders), int(engine.fills))
        return Played(outcome, *counts, profit.totals(), engine.halted, engine.raised, int(engine.late))

    def _pieces(self, keep: Callable[[Events], object] | None, tell: Callable[[], object]) -> Iterable[Events]:
        for piece in self.source.pieces():
            tell()
            if keep is not None:
                keep(piece)
            yield piece


def _load(asked: Asked) -> Topology:
    """The topology with the settings, and the seed where one is given."""
    topology = load(asked.path, asked.settings)
    if asked.seed is None:
        return topology
    seeds = [f"venues.{venue}.simulation.seed={asked.seed}" for venue in topology.venues]
    return load(asked.path, [*asked.settings, *seeds])


def _strategy(path: str, model: str | None) -> dict[str, Any]:
    """Class, hash of the code it depends on, and hash of its model file where it has one."""
    found = {"class": path, "code": agents_hash(Path(file) for file in strategy_sources(load_class(path)))}
    return found if model is None else {**found, "model": hash_of(model)}
