"""What a gateway knows from the control topics: run, names, instruments, limits, what is killed; kept, so that a restart asks nobody."""

import struct
from collections.abc import Iterable

import structlog

from streams.errors import EdgeError, SchemaError
from streams.lanes.control import COMMANDS, Control
from streams.lanes.told import Told
from streams.lanes.wire import Wire
from streams.records import Command, Instrument, Limit, Name, NameKind
from streams.schema.edge import Edge
from streams.venues.gateway_state import KillSwitch

__all__ = ["KNOWN_TOPICS", "Known"]

_LOG = structlog.get_logger("gateway")
_PIECE = struct.Struct("<BI")
KNOWN_TOPICS = ("names.v1", "instruments.v1", "limits.v1", COMMANDS)


class Known:
    """The edge, the kill switch and the RUN record, and the values they were made of.

    version : grows with every name and instrument
    """

    def __init__(self, wire: Wire) -> None:
        self.edge, self.kill = Edge(), KillSwitch(())
        self.run: Command | None = None
        self.version = 0
        self._wire = wire
        self._values: list[tuple[str, bytes]] = []

    @classmethod
    def of_control(cls, wire: Wire, control: Control) -> "Known":
        """From the control topics as they were read."""
        known = cls(wire)
        for topic, records in (("names.v1", control.names), ("instruments.v1", control.instruments), ("limits.v1", control.limits)):
            for record in records:
                known._add(topic, wire.encode(topic, record), record)
        known._add(COMMANDS, wire.encode(COMMANDS, control.last_run()), control.last_run())
        for command in control.commands:
            known.kill.on_command(command)
        return known

    @classmethod
    def of_bytes(cls, wire: Wire, data: bytes, killed: dict[str, str]) -> "Known":
        """From what `to_bytes` gave, and `kill.killed`."""
        known, at = cls(wire), 0
        while at < len(data):
            topic, size = _PIECE.unpack_from(data, at)
            at += _PIECE.size
            value = data[at : at + size]
            known._add(KNOWN_TOPICS[topic], value, wire.decode(KNOWN_TOPICS[topic], value))
            at += size
        known.kill.killed.update(killed)
        return known

    def to_bytes(self) -> bytes:
        """All values, for a checkpoint."""
        return b"".join(_PIECE.pack(KNOWN_TOPICS.index(topic), len(value)) + value for topic, value in self._values)

    @property
    def last_run(self) -> Command:
        """The RUN record."""
        assert self.run is not None
        return self.run

    def take(self, told: Iterable[Told]) -> list[Command]:
        """Take in what was told; the commands of it, which are the caller's to follow. What cannot be read the lane dead-letters."""
        commands = []
        for one in told:
            if one.record is None:
                continue
            if one.topic == COMMANDS:
                commands.append(one.record)
            elif one.topic in KNOWN_TOPICS:
                self._add(one.topic, one.value, one.record)
        return commands

    def _add(self, topic: str, value: bytes, record: object) -> None:
        try:
            if isinstance(record, Name):
                if record.kind == NameKind.WRITER:  # they are many, and no slot has one
                    return
                self.edge.on_name(record)
            elif isinstance(record, Instrument):
                self.edge.on_instrument(record)
            elif isinstance(record, Limit):
                self.kill.on_limit(record)
            elif isinstance(record, Command):
                self.run = record
        except (EdgeError, SchemaError) as error:
            _LOG.error("control record passed over", topic=topic, reason=str(error))
            return
        self._values.append((topic, value))
        self.version += topic != "limits.v1"
