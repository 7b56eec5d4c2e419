"""A stack of stand-ins: three small programs that listen and answer, so that starting and stopping is tested in a second."""

import socket
import sys
from pathlib import Path
from typing import ClassVar

import pytest

from streams.local import services
from streams.local.service import HOST, Command, Say, Service, offset_port
from tests.conftest import ADDRESSES, free_base

LISTEN = """
import signal, socket, sys, time
if sys.argv[2] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if sys.argv[2] == "broken":
    sys.exit("disk is on fire")
if sys.argv[2] == "mute":
    time.sleep(60)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""


class StandIn(Service):
    """Listens on its port; `behaviour` of each name says whether it starts well."""

    behaviour: ClassVar[dict[str, str]] = {}
    start_bound_s = 60.0
    stop_bound_s = 0.5

    @property
    def ports(self) -> tuple[int, ...]:
        return (offset_port(self.base, self.name),)

    @property
    def address(self) -> str:
        return f"{HOST}:{self.ports[0]}"

    def fetch(self, say: Say) -> None:
        pass

    def prepare(self, say: Say) -> Command:
        self.data.mkdir(parents=True, exist_ok=True)
        argv = (sys.executable, "-S", "-c", LISTEN, str(self.ports[0]), self.behaviour.get(self.name, "well"))
        return Command(argv, self.data)

    def answers(self) -> bool:
        return listens(self.address)


class Broker(StandIn):
    name = "kafka"
    title = "kafka 0"


class Registry(StandIn):
    name = "registry"
    title = "registry 0"


class Store(StandIn):
    name = "clickhouse"
    title = "clickhouse 0"


def listens(address: str) -> bool:
    host, _, port = address.removeprefix("http://").partition(":")
    try:
        socket.create_connection((host, int(port)), 0.5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The services are stand-ins and the environment is empty; the behaviour by name, to be changed."""
    behaviour: dict[str, str] = {}
    monkeypatch.setattr(StandIn, "behaviour", behaviour)
    monkeypatch.setattr(services, "SERVICES", (Broker, Registry, Store))
    monkeypatch.setattr(services, "ANSWERS", dict.fromkeys(("kafka", "registry", "clickhouse"), listens))
    for name in ADDRESSES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MILLRACE_PORT", str(free_base()))
    return behaviour
