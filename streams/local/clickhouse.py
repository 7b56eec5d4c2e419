"""ClickHouse of the embedded stack: the chdb engine behind our HTTP server, one process that owns the data folder."""

import sys

import requests

from streams.local.service import HOST, Command, Say, Service, offset_port

__all__ = ["ClickHouse", "clickhouse_answers"]


class ClickHouse(Service):
    """An engine whose data lives in the state folder, reached as a ClickHouse server is reached."""

    name = "clickhouse"
    title = "clickhouse 26.9"

    @property
    def ports(self) -> tuple[int, ...]:
        return (offset_port(self.base, "clickhouse"),)

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.ports[0]}"

    def fetch(self, say: Say) -> None:
        """The engine is a dependency of the package."""

    def prepare(self, say: Say) -> Command:
        work = self.data / "work"  # the engine reads a config.xml of its working folder: keep that folder empty
        work.mkdir(parents=True, exist_ok=True)
        module = ("-m", "streams.local.clickhouse_server", "--folder", str(self.data / "store"))
        return Command((sys.executable, *module, "--host", HOST, "--port", str(self.ports[0])), work)

    def answers(self) -> bool:
        return clickhouse_answers(self.address)


def clickhouse_answers(url: str, timeout_s: float = 2.0) -> bool:
    """Whether a ClickHouse runs a query at this address (credentials may stand in the URL)."""
    try:
        answer = requests.post(url, data="SELECT 1", timeout=timeout_s)
        return answer.status_code == 200 and answer.text == "1\n"
    except requests.RequestException:
        return False
