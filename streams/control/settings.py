"""What the control plane is told, and the names it has in the cluster. Imports nothing of Faust: `apply` needs the names too."""

from dataclasses import dataclass
from pathlib import Path

from streams.lanes.control import COMMANDS

__all__ = ["CHILDREN", "CONTROL", "READS", "TABLES", "WRITES", "ControlSettings", "changelog", "group_of"]

CONTROL = "control"
"""Name of its process, and of the writer that its records have."""

CHILDREN = "children"
"""File of the run folder in which the supervisor says what it has started: JSON, by process."""

READS = (
    COMMANDS,
    "names.v1",
    "limits.v1",
    "params.v1",
    "alerts.v1",
    "positions.v1",
    "reports.v1",
    "fills.v1",
    "decisions.v1",
)
"""Topics that its agents read. None of them carries a record per tick: Faust takes a few thousand a second."""

WRITES = (COMMANDS, "limits.v1", "params.v1", "alerts.v1")
"""Topics that it writes, beside dead letters of what it reads."""

TABLES = ("alerts", "booked", "breakers", "commands", "health", "limits", "orders", "params", "positions")
"""Its tables. Each has a compacted changelog of one partition, from which the next instance has them again."""


@dataclass(frozen=True)
class ControlSettings:
    """Everything the control plane is told.

    topology, process : its group is `topology.process.0`
    kafka, registry   : addresses
    port              : of the web views, on 127.0.0.1
    run_folder        : folder with the status files of the processes
    status_path       : file for its own counters, replaced once a second; None = no file
    ring_folder       : folder of the fast lane's rings and histograms; None = there is no fast lane
    """

    topology: str
    process: str
    kafka: str
    registry: str
    port: int
    run_folder: Path
    status_path: Path | None = None
    ring_folder: Path | None = None

    @property
    def group(self) -> str:
        """Consumer group, and id of the Faust application."""
        return group_of(self.topology, self.process)


def group_of(topology: str, process: str = CONTROL) -> str:
    """The consumer group of a topology's control plane.

    >>> group_of("demo")
    'demo.control.0'
    """
    return f"{topology}.{process}.0"


def changelog(group: str, table: str) -> str:
    """The topic with the changes of a table, as Faust names it.

    >>> changelog("demo.control.0", "orders")
    'demo.control.0-orders-changelog'
    """
    return f"{group}-{table}-changelog"
