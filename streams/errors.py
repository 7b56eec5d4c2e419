"""Every error of millrace, one tree.

MillraceError                  a mistake or a fault that is told in one line: where, what was found, what was allowed, what to do
|- ConfigError                 environment, configuration file, command line
|  `- TopologyError            a topology file
|- SchemaError                 a schema, or two that do not fit
|- DecodeError                 bytes that are no record
|- UnitError                   a number that is not exact in the unit asked for
|- EdgeError                   a record that cannot become slots: unknown name, inexact or too large
|- FrameError                  a venue's frame that cannot be read
|- RecordingError              a recording that cannot be read at all
|- KernelError                 the kernel's machinery
|  |- CompileError             code that cannot be compiled, with the user's file and line
|  `- StepError                an input that made an agent fail
|- StackError                  a service of the local stack: port, folder, JVM, start
|- LaneError                   broker, registry, transactions
|  |- FencedError              another instance has taken this process's shard
|  `- RestoreError             re-execution differs from what was recorded
|- VenueError                  a venue's connection or answer
`- SinkError                   ClickHouse
"""

__all__ = [
    "CompileError",
    "ConfigError",
    "DecodeError",
    "EdgeError",
    "FencedError",
    "FrameError",
    "KernelError",
    "LaneError",
    "MillraceError",
    "RecordingError",
    "RestoreError",
    "SchemaError",
    "SinkError",
    "StackError",
    "StepError",
    "TopologyError",
    "UnitError",
    "VenueError",
]


class MillraceError(Exception):
    """Told to the user in one line, without a traceback."""


class ConfigError(MillraceError):
    """Environment, configuration file or command line."""


class TopologyError(ConfigError):
    """A topology file; the message holds every fault found, each with its key path."""


class SchemaError(MillraceError):
    """A schema that is wrong, or two that do not fit."""


class DecodeError(MillraceError):
    """Bytes that are no record; the message gives field and byte offset."""


class UnitError(MillraceError):
    """A number that is not exact in the unit asked for, or out of its range."""


class EdgeError(MillraceError):
    """A record that cannot become slots; the message is the reason in the dead-letter topic."""


class FrameError(MillraceError):
    """A venue's frame that cannot be read; the message is the reason in the dead-letter topic."""


class RecordingError(MillraceError):
    """A recording that cannot be read at all."""


class KernelError(MillraceError):
    """The kernel's machinery."""


class CompileError(KernelError):
    """Code that cannot be compiled; the message starts with the user's file and line."""


class StepError(KernelError):
    """An input that made an agent fail; the state is no longer to be trusted. `at`: its place in the queue, -1 = a tick or one record."""

    def __init__(self, reason: str, at: int = -1) -> None:
        super().__init__(reason)
        self.at = at


class StackError(MillraceError):
    """A service of the local stack."""


class LaneError(MillraceError):
    """Broker, registry or transaction."""


class FencedError(LaneError):
    """Another instance has taken this process's shard; end, do not restart."""


class RestoreError(LaneError):
    """Re-execution gave other outputs than the journal recorded."""


class VenueError(MillraceError):
    """A venue's connection or answer."""


class SinkError(MillraceError):
    """ClickHouse refused, or its answer cannot be trusted."""
