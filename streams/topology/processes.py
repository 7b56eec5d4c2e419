"""One process of a topology in the foreground, as `millrace process NAME` or a container runs it."""

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from streams.config import Endpoints, home_folder, plain, read_state
from streams.errors import FencedError, TopologyError
from streams.lanes.control import Control
from streams.lanes.waiting import waiting_policy
from streams.strategies.sources import strategy_sources
from streams.topology.classes import load_class
from streams.topology.instances import Instance, instances, journalled, normalizer, process_spec
from streams.topology.model import Topology, Venue
from streams.topology.placing import take_seat
from streams.topology.routes import input_places, partition_of
from streams.topology.seat import Place
from streams.topology.source import nearest

if TYPE_CHECKING:
    from streams.venues.binance.feed import FeedSettings

__all__ = [
    "build_process",
    "control_port",
    "find",
    "lane_spec",
    "lock_path",
    "log_path",
    "run_folder",
    "run_instance",
    "status_path",
    "strategy_files",
    "venue_port",
]

_VENUE_PORT = 10
_CONTROL_PORT = 66
_DEFAULT_BASE = 19_000


def run_folder() -> Path:
    """Where running processes leave their status: `.millrace/run`."""
    return home_folder() / "run"


def status_path(instance: Instance) -> Path:
    """The JSON file with the counters of an instance, replaced each second."""
    return run_folder() / f"{instance.label}.json"


def lock_path(instance: Instance) -> Path:
    """The file whose lock says which of two instances is the active one."""
    return run_folder() / f"{instance.label}.lock"


def log_path(label: str) -> Path:
    """The log file of a child of the supervisor."""
    return home_folder() / "logs" / f"{label}.log"


def find(topology: Topology, name: str, shard: int = 0) -> Instance:
    """The instance of that name and shard; TopologyError names the nearest."""
    found = instances(topology)
    for instance in found:
        if instance.name == name and instance.shard == shard:
            return instance
    names = {instance.name for instance in found}
    if name == topology.fast_market:
        raise TopologyError(f"{topology.path}: process {name!r} is on the fast lane, where its feed runs it; start the feed")
    if name in names:
        shards = ", ".join(str(instance.shard) for instance in found if instance.name == name)
        raise TopologyError(f"{topology.path}: process {name!r} has no shard {shard}; it has {shards}")
    raise TopologyError(f"{topology.path}: no process {name!r}{nearest(name, names)}")


def venue_port(topology: Topology, venue: str) -> int:
    """The port of a simulated venue: base port + 10, one further a venue."""
    return _base() + _VENUE_PORT + list(topology.venues).index(venue)


def control_port() -> int:
    """The port of the control plane's web views: base port + 66."""
    return _base() + _CONTROL_PORT


def _base() -> int:
    return int(os.environ.get("MILLRACE_PORT") or read_state().get("base") or _DEFAULT_BASE)


def lane_spec(topology: Topology, instance: Instance, where: Endpoints) -> Any:
    """What the Kafka lane needs to run an instance of agents."""
    from streams.agents.roles import code_hash
    from streams.lanes.spec import LaneSpec

    return LaneSpec(
        topology=topology.name,
        process=instance.name,
        shard=instance.shard,
        kafka=where.kafka,
        registry=where.registry,
        places=input_places(topology, instance),
        partition_of=partition_of(topology, instance.shard) if topology.shard_count > 1 else None,
        commit_ms=topology.processes[instance.name].commit_ns / 1e6,
        lock_path=lock_path(instance) if topology.processes[instance.name].standby else None,
        status_path=status_path(instance),
        code_hash=code_hash(strategy_files(topology, instance)),
    )


def strategy_files(topology: Topology, instance: Instance) -> list[Path]:
    """Source files of the strategies of an instance, and what those import of their own."""
    classes = {load_class(entry.path) for entry in topology.strategies_of(instance.name).values()}
    return [path for cls in classes for path in strategy_sources(cls)]


def build_process(topology: Topology, instance: Instance) -> Callable[[Control], Any]:
    """Makes the empty process of an instance from the dictionary; compiled unless `streams.config.plain`."""
    from streams.agents.process import Process

    return lambda control: Process(process_spec(topology, instance, control), compiled=not plain())


def run_instance(topology: Topology, instance: Instance, where: Endpoints, recordings: tuple[str, ...] = ()) -> int:
    """Run one process until SIGTERM or SIGINT, or its work is done; its exit status: 0 done, 1 restart it, 3 another one took over."""
    take_seat(_seat(topology, instance), instance.label, instance.shard)
    try:
        return _RUNNERS[instance.kind](topology, instance, where, recordings)
    except FencedError as error:
        import structlog

        structlog.get_logger(instance.label).error("fenced", reason=str(error))
        return 3


def _seat(topology: Topology, instance: Instance) -> Place:
    """What the topology says of the place of an instance; a feed of the fast lane sits where the process does that it runs."""
    if instance.kind == "agents":
        return topology.processes[instance.name]
    if instance.lane != "fast":
        return Place()
    shells: dict[str, Place] = {
        "feed": topology.processes[topology.fast_market],
        "gateway": topology.fast.gateway,
        "mirror": topology.fast.mirror,
    }
    return shells[instance.kind]


def _agents(topology: Topology, instance: Instance, where: Endpoints, _: tuple[str, ...]) -> int:
    if instance.lane == "fast":
        from streams.lanes.fast import FastLaneSpec, run_fast_lane
        from streams.topology.fast import checkpoint_path, rings_of

        spec = FastLaneSpec(
            lane=lane_spec(topology, instance, where),
            rings=rings_of(topology, instance.shard),
            wait=waiting_policy(topology.processes[instance.name].wait),
            checkpoint=checkpoint_path(topology, instance),
        )
        return run_fast_lane(spec, build_process(topology, instance))
    from streams.lanes.kafka import run_lane

    return run_lane(lane_spec(topology, instance, where), build_process(topology, instance))


def _feed(topology: Topology, instance: Instance, where: Endpoints, recordings: tuple[str, ...]) -> int:
    from streams.venues.binance.feed import FeedSettings, run_feed
    from streams.venues.binance.rules import Market

    venue = topology.venues[instance.venue]
    symbols = [name.partition(":")[2] for name in topology.instruments if name.startswith(f"{instance.venue}:")]
    settings = FeedSettings(
        process=instance.name,
        shard=instance.shard,
        kafka=where.kafka,
        registry=where.registry,
        topology=topology.name,
        venue=instance.venue,
        market={"binance-usdm": Market.USDM, "binance-coinm": Market.COINM, "binance-spot": Market.SPOT}[venue.kind],
        symbols=tuple(symbol for symbol in symbols if topology.shard(f"{instance.venue}:{symbol}") == instance.shard),
        other_symbols=tuple(symbol for symbol in symbols if topology.shard(f"{instance.venue}:{symbol}") != instance.shard),
        recordings=recordings or _recordings(venue),
        ws_url=venue.ws_url,
        rest_url=venue.rest_url,
    )
    if instance.lane == "fast":
        return _fast_feed(topology, instance, where, settings)
    return run_feed(settings, _stop_on_signals())


def _fast_feed(topology: Topology, instance: Instance, where: Endpoints, settings: "FeedSettings") -> int:
    from streams.topology.fast import checkpoint_path, rings_of
    from streams.venues.binance.fast_feed import FastFeedSettings, run_fast_feed

    market = normalizer(topology, instance)
    fast = FastFeedSettings(
        feed=settings,
        shard=rings_of(topology, instance.shard),
        market=lane_spec(topology, market, where),
        wait=topology.processes[market.name].wait,
        checkpoint_path=checkpoint_path(topology, instance),
        status_path=status_path(instance),
    )
    return run_fast_feed(fast, build_process(topology, market), _stop_on_signals())


def _recordings(venue: Venue) -> tuple[str, ...]:
    return venue.recordings if venue.feed == "recording" else ()


def _venue(topology: Topology, instance: Instance, where: Endpoints, _: tuple[str, ...]) -> int:
    from streams.venues.sim.server import VenueSettings, run_venue

    settings = VenueSettings(
        process=instance.name,
        kafka=where.kafka,
        registry=where.registry,
        topology=topology.name,
        venue=instance.venue,
        port=venue_port(topology, instance.venue),
        log_directory=home_folder() / "venue",
        models=topology.venues[instance.venue].simulation.simulated().models,
    )
    return run_venue(settings, _stop_on_signals())


def _gateway(topology: Topology, instance: Instance, where: Endpoints, _: tuple[str, ...]) -> int:
    from streams.venues.gateway import GatewaySettings, run_gateway

    settings = GatewaySettings(
        process=instance.name,
        shard=instance.shard,
        kafka=where.kafka,
        registry=where.registry,
        topology=topology.name,
        venue=instance.venue,
        url=f"ws://127.0.0.1:{venue_port(topology, instance.venue)}/",
        status_path=status_path(instance),
    )
    if instance.lane == "fast":
        from streams.topology.fast import checkpoint_path, rings_of

        settings = replace(
            settings,
            rings=rings_of(topology, instance.shard),
            wait=waiting_policy(topology.fast.gateway.wait),
            checkpoint=checkpoint_path(topology, instance),
        )
    return run_gateway(settings, _stop_on_signals())


def _mirror(topology: Topology, instance: Instance, where: Endpoints, _: tuple[str, ...]) -> int:
    from streams.lanes.mirror import MirrorSettings, run_mirror
    from streams.topology.fast import rings_of

    market, lane = (
        next(one for one in journalled(topology) if (one.name, one.shard) == (name, instance.shard))
        for name in (topology.fast_market, topology.fast_lane)
    )
    settings = MirrorSettings(
        process=instance.name,
        shard=instance.shard,
        kafka=where.kafka,
        registry=where.registry,
        topology=topology.name,
        venue=instance.venue,
        rings=rings_of(topology, instance.shard),
        market=lane_spec(topology, market, where),
        lane=lane_spec(topology, lane, where),
        commit_ms=topology.fast.mirror.commit_ns / 1e6,
        status_path=status_path(instance),
    )
    facts = (lambda control: process_spec(topology, market, control), lambda control: process_spec(topology, lane, control))
    return run_mirror(settings, *facts, _stop_on_signals())


def _sink(topology: Topology, instance: Instance, where: Endpoints, _: tuple[str, ...]) -> int:
    from streams.sinks.clickhouse import SinkSettings, run_sink

    topics = topology.sinks.clickhouse
    run_sink(
        SinkSettings(
            process=instance.name,
            kafka=where.kafka,
            registry=where.registry,
            clickhouse=where.clickhouse,
            database=where.database,
            topology=topology.name,
            topics=() if topics == "all" else topics,
        )
    )
    return 0


def _control(topology: Topology, instance: Instance, where: Endpoints, _: tuple[str, ...]) -> int:
    from streams.control.serve import run_control
    from streams.control.settings import ControlSettings
    from streams.lanes.fast_rings import rings_folder

    settings = ControlSettings(
        topology=topology.name,
        process=instance.name,
        kafka=where.kafka,
        registry=where.registry,
        port=control_port(),
        run_folder=run_folder(),
        status_path=status_path(instance),
        ring_folder=rings_folder(),
    )
    return run_control(settings)


def _stop_on_signals() -> Event:
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


_RUNNERS = {
    "agents": _agents,
    "feed": _feed,
    "venue": _venue,
    "gateway": _gateway,
    "mirror": _mirror,
    "sink": _sink,
    "control": _control,
}
