"""What `verify` is asked of a finished run: a part of it, other limits, plain, for programs; and the same inputs without any lane."""

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from streams.commands.verify import Options, verify_file
from streams.lanes.journal import read_entries
from streams.lanes.registry import SchemaIds
from streams.lanes.wire import Wire
from streams.topology.times import instant_text
from tests.e2e.array_lane import carried
from tests.e2e.conftest import Finished

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@dataclass
class Verifying:
    """The command on one run, in this process."""

    finished: Finished

    def __call__(self, *settings: str, process: str = "trade", from_ns: int = 0, to_ns: int = 0) -> tuple[int, dict[str, Any]]:
        """Its status, and what it says of the process and of the whole, as JSON."""
        times = [instant_text(at) if at else "" for at in (from_ns, to_ns)]
        said: list[str] = []
        status = verify_file(str(self.finished.desk.topology), Options(process, self.finished.run, *times, settings, True), said.append)
        (text,) = said
        return status, json.loads(text)


@pytest.fixture(scope="module")
def verifying(finished: Finished) -> Verifying:
    return Verifying(finished)


@pytest.fixture(scope="module")
def whole(verifying: Verifying) -> dict[str, Any]:
    """The trading process from beginning to end."""
    status, found = verifying()
    assert status == 0
    return found["processes"][0]


def test_verify_of_a_part_of_a_run_compares_that_part(verifying: Verifying, whole: dict[str, Any]) -> None:
    third = (whole["ended_ns"] - whole["began_ns"]) // 3
    parts = [(0, whole["began_ns"] + third), (whole["began_ns"] + third, whole["ended_ns"] - third), (whole["ended_ns"] - third, 0)]
    found = [verifying(from_ns=first, to_ns=last)[1]["processes"][0] for first, last in parts]
    assert all(part["equal"] for part in found)
    assert [part["first_batch"] for part in found] == [whole["first_batch"], found[0]["last_batch"] + 1, found[1]["last_batch"] + 1]
    assert found[2]["last_batch"] == whole["last_batch"]
    assert {name: sum(part[name] for part in found) for name in ("batches", "inputs", "outputs")} == {
        name: whole[name] for name in ("batches", "inputs", "outputs")
    }
    assert found[2]["digest"] == whole["digest"]


def test_verify_of_a_time_without_records_says_what_there_is(finished: Finished, whole: dict[str, Any]) -> None:
    said: list[str] = []
    options = Options("trade", finished.run, instant_text(whole["ended_ns"] + 10**9))
    assert verify_file(str(finished.desk.topology), options, said.append) == 1
    assert re.search(r"^trade/0 run \d+: nothing was recorded in the time asked for; what was goes from 20\S+ to 20\S+ ", said[0])


def test_verify_with_another_limit_ends_at_the_first_decision_that_it_changes(verifying: Verifying, whole: dict[str, Any]) -> None:
    finished = verifying.finished
    setting = "accounts.maker-1.limits.order_size=0.001 BTC"
    status, found = verifying(setting)
    first = found["processes"][0]
    assert status == 1
    assert found["replaced"] == ["~ limit   account:maker-1 ORDER_SIZE binance BTCUSDT  limit_qty_e9 50000000 -> 1000000"]
    assert (first["difference"]["topic"], first["difference"]["field"]) == ("decisions.v1", "outcome")
    assert (first["difference"]["recorded"], first["difference"]["now"]) == ("APPROVE", "DENY")
    assert first["ended_ns"] < whole["ended_ns"]
    entries = read_entries(finished.desk.where.kafka, Wire(SchemaIds(finished.desk.where.registry)), "trade", 0, 0, finished.run)
    denied_ns = next(entry.ts_ns for _, entry in entries if entry.batch == first["difference"]["batch"])
    later = verifying(setting, from_ns=denied_ns + 1)[1]["processes"][0]  # the limit is another one from then on
    assert later["difference"]["batch"] > first["difference"]["batch"]
    assert later["before_differs"] == -1


def test_verify_with_another_parameter_ends_at_the_first_order_that_it_changes(verifying: Verifying) -> None:
    status, found = verifying("strategy.gamma=0.9")
    assert status == 1
    assert found["processes"][0]["difference"]["topic"] == "orders.v1"
    assert verifying("strategy.gamma=0.9", process="books")[0] == 0


@pytest.mark.parametrize(("compiled", "batches"), [(True, None), (False, 80)], ids=["compiled", "plain"])
def test_inputs_of_a_run_through_a_topic_and_through_an_array_give_the_same_bytes(
    finished: Finished, whole: dict[str, Any], compiled: bool, batches: int | None
) -> None:
    desk = finished.desk
    found = carried(desk.where, desk.topology, "trade", finished.run, compiled, batches)
    assert found.written > 10  # 80 batches of a busy machine are small ones
    assert found.digest == found.live_digest
    assert batches or (found.written, found.digest.hex()) == (whole["outputs"], whole["digest"])  # of verify, through the topics in bulk
