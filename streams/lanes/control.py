"""The control topics read to their end: dictionary, instruments, shards, limits, parameters, the run. For shells, tools and lanes."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from confluent_kafka import Message

from streams.errors import DecodeError, LaneError
from streams.lanes.bulk_consumer import BulkConsumer
from streams.lanes.bus import list_topics, tail_records
from streams.lanes.place import Place
from streams.lanes.wire import Wire
from streams.records import Command, CommandType, Instrument, Limit, Name, NameKind, Param, Shard, ShardKind
from streams.schema import ids

__all__ = ["COMMANDS", "CONTROL_TOPICS", "Control", "last_id", "read_control"]

CONTROL_TOPICS = ("names.v1", "instruments.v1", "shards.v1", "limits.v1", "params.v1")  # read whole, in this order, before any data
COMMANDS = "commands.v1"  # read from the RUN record on

_WHOLE = {"fetch.wait.max.ms": 10, "auto.offset.reset": "earliest"}
_WHOLE_S = 30.0
_ROWS = 5_000


@dataclass
class Control:
    """What `apply`, `run` and people have written, as of now. Lists keep the order of the topics.

    numbers    : number by kind and name
    epoch      : second in which the dictionary was created, 0 while it is empty
    run        : the last RUN command, None before the first; `run_offset` is its place in commands.v1[0]
    runs       : every RUN command and its place, by run number
    commands   : all commands after it
    ends       : the end of each partition that was read
    """

    numbers: dict[NameKind, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in NameKind})
    names: list[Name] = field(default_factory=list)
    epoch: int = 0
    instruments: list[Instrument] = field(default_factory=list)
    shards: dict[tuple[ShardKind, str], int] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    params: list[Param] = field(default_factory=list)
    run: Command | None = None
    run_offset: int = 0
    runs: dict[int, tuple[Command, int]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    ends: dict[Place, int] = field(default_factory=dict)

    def number(self, kind: NameKind, name: str) -> int:
        """The number of a name; LaneError if `apply` has not given it one."""
        found = self.numbers[kind].get(name)
        if found is None:
            raise LaneError(f"names.v1: {kind.name.lower()} {name!r} has no number; `millrace apply TOPOLOGY` gives it one")
        return found

    def writer(self, name: str) -> int:
        """The number of a writer."""
        return self.number(NameKind.WRITER, name)

    def last_run(self) -> Command:
        """The RUN record of the run that stands; LaneError before the first."""
        if self.run is None or self.run.run_number is None:
            raise LaneError(f"{COMMANDS}: no RUN record; `millrace run TOPOLOGY` opens a run")
        return self.run

    def start_positions(self) -> dict[tuple[str, int], int]:
        """Where the run reads each data partition from."""
        return {(p.topic, p.partition): p.offset for p in self.last_run().start_positions}


def read_control(bootstrap: str, wire: Wire, topics: tuple[str, ...] = (*CONTROL_TOPICS, COMMANDS)) -> Control:
    """Everything the control topics hold now, read by a plain consumer without a group. A record that cannot be read is passed over:
    the lanes that read the same topic dead-letter it."""
    control, parts = Control(), list_topics(bootstrap)
    take = _takers(control)
    places = [(topic, partition) for topic in topics for partition in range(parts.get(topic, 0))]
    for place, offset, value in _values(bootstrap, places, control.ends):
        try:
            record = wire.decode(place[0], value)
        except DecodeError:
            continue
        take[place[0]](record, offset)
    return control


def last_id(bootstrap: str, topic: str, partition: int, writer: int, stop: Callable[[int], bool] | None = None) -> int:
    """The largest id that a non-transactional `writer` has in a partition, 0 if none: where a shell goes on counting (contract 6).

    Looks backwards from the end. `stop(run_id)`: give up at a record of a run for which it is true (e.g. one older than the writer).
    """
    found = 0

    def seen(message: Message) -> bool:
        nonlocal found
        id, run_id = _head(message.value())
        if ids.writer(id) == writer:
            found = id
            return True
        return stop is not None and stop(run_id)

    tail_records(bootstrap, topic, partition, until=seen, committed=False)
    return found


def _values(bootstrap: str, places: list[Place], told: dict[Place, int]) -> list[tuple[Place, int, bytes | None]]:
    """(place, offset, value) of everything in these partitions, in this order; all are fetched at once. `told`: takes the ends."""
    found: dict[Place, list[tuple[Place, int, bytes | None]]] = {place: [] for place in places}
    until_s = time.monotonic() + _WHOLE_S
    with BulkConsumer(bootstrap, settings=_WHOLE) as consumer:
        consumer.assign(dict.fromkeys(places, 0))
        while any(told.get(place, -1) < end for place, end in _ends(consumer, places)):
            messages = consumer.take(_ROWS, 0.1)
            for row in range(messages.count):
                place = places[messages.place[row]]
                found[place].append((place, int(messages.offset[row]), messages.value(row)))
            told.update(messages.ends)
            if time.monotonic() > until_s:
                left = ", ".join(f"{topic}[{partition}]" for topic, partition in places if (topic, partition) not in told)
                raise LaneError(f"kafka {bootstrap}: the end of {left or 'a control topic'} was not met within {_WHOLE_S:.0f} s")
    return [one for place in places for one in found[place]]


def _ends(consumer: BulkConsumer, places: list[Place]) -> list[tuple[Place, int]]:
    """The ends as far as they are known: that of an open transaction is not met before it is settled."""
    ends = consumer.ends()
    return [(place, ends.get(place, 0)) for place in places]


def _takers(control: Control) -> dict[str, Callable[..., None]]:
    def name(record: Name, _: int) -> None:
        control.names.append(record)
        control.numbers[record.kind].setdefault(record.name, record.number)
        control.epoch = control.epoch or record.epoch

    def shard(record: Shard, _: int) -> None:
        control.shards[record.kind, record.name] = record.shard

    def command(record: Command, offset: int) -> None:
        if record.kind == CommandType.RUN:
            control.run, control.run_offset = record, offset
            control.runs[record.run_number or 0] = (record, offset)
            control.commands.clear()
        else:
            control.commands.append(record)

    return {
        "names.v1": name,
        "instruments.v1": lambda record, _: control.instruments.append(record),
        "shards.v1": shard,
        "limits.v1": lambda record, _: control.limits.append(record),
        "params.v1": lambda record, _: control.params.append(record),
        COMMANDS: command,
    }


def _head(value: bytes | None) -> tuple[int, int]:
    """(id, run_id) of a value without decoding the rest; (0, 0) if it is none of ours."""
    if value is None or len(value) < 6 or value[0] != 0:
        return 0, 0
    at, numbers = 5, []
    try:
        for _ in range(3):
            shift = number = 0
            while True:
                byte = value[at]
                at += 1
                number |= (byte & 0x7F) << shift
                shift += 7
                if byte < 0x80:
                    break
            numbers.append((number >> 1) ^ -(number & 1))
    except IndexError:
        return 0, 0
    return numbers[0], numbers[2]
