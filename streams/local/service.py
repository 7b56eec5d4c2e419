"""What the three services of the embedded stack have in common."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

__all__ = ["HOST", "JVM_SHORT", "JVM_STEADY", "Command", "Say", "Service", "line", "offset_port"]

HOST = "127.0.0.1"  # nothing of the embedded stack listens on an outside interface: it has no passwords
JVM_STEADY = ("-Xms1g", "-Xmx1g", "-XX:+UseZGC", "-XX:+AlwaysPreTouch", "-XX:MetaspaceSize=128m")
JVM_SHORT = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
OFFSETS = {"kafka": 92, "controller": 93, "registry": 81, "clickhouse": 23}
LINE_WIDTH = 76
Say = Callable[[str], None]


def offset_port(base: int, listener: str) -> int:
    """The port of one listener of the stack with this base port."""
    return base + OFFSETS[listener]


def line(name: str, text: str, seconds: float | None = None) -> str:
    """One line of progress: `kafka            answers on 127.0.0.1:19092 ............ 4.5 s`."""
    start = f"{name:<16} {text} "
    return start.rstrip() if seconds is None else f"{start}{'.' * max(3, LINE_WIDTH - len(start))} {seconds:.1f} s"


@dataclass(frozen=True)
class Command:
    """How to start a process: program with arguments, working folder, additions to the environment."""

    argv: tuple[str, ...]
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)


class Service(ABC):
    """One service: what it needs before it starts, how it starts, whether it answers."""

    name: ClassVar[str]
    title: ClassVar[str]  # with version, as the user reads it
    start_bound_s: ClassVar[float] = 180.0  # a busy small machine takes a minute for what takes five seconds
    stop_bound_s: ClassVar[float] = 20.0

    def __init__(self, data: Path, base: int, jvm: tuple[str, ...] = JVM_STEADY) -> None:
        self.data = data / self.name
        self.base = base
        self.jvm = jvm

    @abstractmethod
    def fetch(self, say: Say) -> None:
        """Get the program; nothing to do when the cache has it."""

    @abstractmethod
    def prepare(self, say: Say) -> Command:
        """Make the folders and files; how to start it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it does its work now, asked with a request of its own protocol (bounded to a second or two)."""

    @property
    @abstractmethod
    def ports(self) -> tuple[int, ...]:
        """Every port it listens on; the first is the one for clients."""

    @property
    @abstractmethod
    def address(self) -> str:
        """What clients connect to."""

    @staticmethod
    def environment(home: Path, name: str) -> dict[str, str]:
        """The environment of its process; the mark lets `down` and other checkouts recognise it."""
        return {**os.environ, "MILLRACE_SERVICE": f"{home}:{name}"}
