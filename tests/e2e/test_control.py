"""The control plane of a real run: what it shows is true, a click stops trading, and killing it costs neither."""

import json
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from streams.schema import ids
from streams.venues.binance.synthetic import SyntheticMarket, write_synthetic
from tests.e2e.foreign import Record, read_topics, send_raw
from tests.e2e.run_kit import OUTLASTS_S, Desk, Running

pytestmark = [pytest.mark.broker, pytest.mark.slow, pytest.mark.timeout(600)]

CLOSED = ("FILLED", "CANCELLED", "REJECTED", "EXPIRED")
RUBBISH = b"\0" + struct.pack(">I", 2_000_000_001) + b"no record"  # of a schema that the registry has never seen
STOP_BOUND_S = 30.0  # a busy machine; an idle one needs a tenth of a second


class Page:
    """What a browser gets from the page that the run has named."""

    def __init__(self, running: Running) -> None:
        self.url = next(word for word in running.text.split() if word.startswith("http://127.0.0.1:"))

    def get(self, view: str = "") -> Any:
        """A view; an empty one while the process does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}api/{view}", timeout=5.0) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}

    def post(self, view: str, fields: dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        """Status and answer of a request."""
        request = urllib.request.Request(
            f"{self.url}api/{view}/", json.dumps(fields).encode(), {"Content-Type": "application/json", **headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=10.0) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)


def test_control_page_shows_the_run_and_stops_it(desk: Desk, tmp_path: Path) -> None:
    recording = tmp_path / "market.gz"
    write_synthetic(recording, SyntheticMarket(seed=21, seconds=OUTLASTS_S, events_per_s=100.0))
    with desk.start(recording, speed=1.0) as running:
        running.wait(lambda: "page http" in running.text, "the run to open", "control")
        page = Page(running)
        running.wait(lambda: page.get().get("orders") and page.get("positions/"), "positions and open orders", "trade", "control")
        assert page.get("run/")["number"] == running.number
        running.wait(lambda: {row["health"] for row in page.get("health/")} == {"running"}, "every process to run", "control")
        assert [row["name"] for row in page.get("health/")] == ["feed", "market", "trade", "books", "gateway", "venue", "sink", "control"]
        refuses_what_it_must(page)

        status, answer = page.post("commands", {"kind": "KILL", "target": "", "reason": "a click"})
        assert (status, answer["command"]) == (200, "KILL")
        took_s = running.wait(lambda: no_order_is_open(desk, running), "every order to be closed", "trade", "gateway", bound_s=STOP_BOUND_S)
        running.wait(lambda: page.get().get("orders") == [], "the page to show it", "control")
        assert (page.get("run/")["halted"], [row["name"] for row in page.get("breakers/")]) == (True, ["all"])

        survives_a_kill(desk, running, page)
        assert "RESUME all: written for run" in desk.done("resume", "--reason", "a test")
        running.wait(lambda: page.get().get("orders"), "trading to go on", "trade", "control")
        assert page.get("breakers/") == []
        status, _ = page.post("limits", {"scope": "account:maker-1", "rule": "OPEN_ORDERS", "limit_count": 0})
        assert status == 200
        running.wait(lambda: page.get().get("denied", {}).get("OPEN_ORDERS"), "risk to deny by the new limit", "trade")
        assert page.get("reconciliation/") == []
        running.stop()
    assert took_s < STOP_BOUND_S
    assert [row["reason"] for row in commands_of(desk, running, "KILL")] == ["a click"]


def refuses_what_it_must(page: Page) -> None:
    """Other sites, unknown targets, and what is no JSON."""
    assert page.post("commands", {"kind": "KILL", "target": ""}, Origin="http://elsewhere.example")[0] == 403
    assert page.post("commands", {"kind": "KILL", "target": ""}, Host="elsewhere.example")[0] == 403
    assert page.post("commands", {"kind": "KILL", "target": "account:maker-2"})[0] == 400
    assert page.post("commands", {"kind": "KILL", "target": ""}, **{"Content-Type": "text/plain"})[0] == 400


def survives_a_kill(desk: Desk, running: Running, page: Page) -> None:
    """SIGKILL, and bytes that are no record: the tables are there again, the letter is written, trading stays stopped."""
    before = page.get()
    running.kill("control")
    send_raw(desk.where.kafka, "alerts.v1", [RUBBISH])
    running.wait(lambda: page.get().get("positions") and page.get("health/"), "the control plane to be back", "control")
    running.wait(lambda: letters(desk), "the dead letter", "control")
    after = page.get()
    same = ("orders", "breakers", "limits", "params")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert [row["fills"] for row in after["positions"]] == [row["fills"] for row in before["positions"]]
    assert after["run"]["halted"]


def letters(desk: Desk) -> list[Record]:
    """Dead letters that the control plane wrote about alerts."""
    found = read_topics(desk.where.kafka, desk.where.registry, ["alerts.v1.dlq.v1", "names.v1"])
    writers = {name["number"] for name in found["names.v1"] if name["name"] == "control/0/alerts.dlq"}
    return [letter for letter in found["alerts.v1.dlq.v1"] if ids.writer(letter["id"]) in writers and letter["payload"] == RUBBISH]


def commands_of(desk: Desk, running: Running, kind: str) -> list[Record]:
    """The run's commands of a kind."""
    found = read_topics(desk.where.kafka, desk.where.registry, ["commands.v1"], running.number)["commands.v1"]
    return [command for command in found if command["kind"] == kind]


def no_order_is_open(desk: Desk, running: Running) -> bool:
    """Every order of the run has a last report that closes it."""
    reports = read_topics(desk.where.kafka, desk.where.registry, ["reports.v1"], running.number)["reports.v1"]
    last = {report["order_id"]: report["ord_status"] for report in reports}
    return bool(last) and set(last.values()) <= set(CLOSED)
