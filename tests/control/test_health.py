"""The health of processes: from what the supervisor wrote, and what they write themselves."""

import json
import os
import time
from pathlib import Path

from streams.control.health import Health, look
from streams.control.settings import CHILDREN

GONE = 2**22 + 1  # no process has it: the kernel's numbers end before


def write(folder: Path, **children: dict) -> None:
    (folder / CHILDREN).write_text(json.dumps(children))


def status(folder: Path, name: str, age_s: float = 0.0, **changes: object) -> None:
    found = {"pid": os.getpid(), "state": "running", "lag": 3, "wall_ns": time.time_ns() - int(age_s * 1e9), **changes}
    (folder / f"{name}.json").write_text(json.dumps(found))


def child(pid: int = 0, kind: str = "agents", restarts: int = 0, done: bool = False) -> dict:
    return {"kind": kind, "pid": pid or os.getpid(), "restarts": restarts, "done": done}


def test_look_says_how_each_process_is(tmp_path):
    write(tmp_path, feed=child(kind="feed"), trade=child(), books=child(), market=child(GONE), sink=child(GONE, "sink", done=True))
    status(tmp_path, "trade")
    status(tmp_path, "books", age_s=60.0)
    status(tmp_path, "old", age_s=60.0)
    (tmp_path / "market.json").write_text("{")
    found = look(tmp_path)
    assert {name: row["health"] for name, row in found.items()} == {
        "feed": "running",
        "trade": "running",
        "books": "stale",
        "market": "down",
        "sink": "ended",
    }
    assert found["trade"]["lag"] == 3


def test_look_without_a_supervisor_takes_who_keeps_a_status(tmp_path):
    assert look(tmp_path) == {}
    status(tmp_path, "trade", state="opening")
    assert look(tmp_path)["trade"]["health"] == "opening"


def test_health_says_each_thing_once(tmp_path):
    health = Health({})
    said = []
    for restarts, age_s in ((0, 0.0), (1, 0.0), (1, 60.0), (1, 61.0)):
        write(tmp_path, trade=child(restarts=restarts))
        status(tmp_path, "trade", age_s=age_s)
        said.append([text.split(";")[0] for text in health.on_look(look(tmp_path))])
    assert said == [
        [],
        ["process trade ended and was started again, restart 1 of this run"],
        ["process trade lives and has said nothing for 60 s"],
        [],
    ]


def test_health_forgets_processes_of_another_topology(tmp_path):
    health = Health({"old": {"restarts": 0}})
    write(tmp_path, trade=child())
    health.on_look(look(tmp_path))
    assert list(health.table) == ["trade"]
