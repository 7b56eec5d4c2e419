"""An ordered stop of a run: each stage ends behind the one whose records it reads. Children are stubs."""

from types import SimpleNamespace
from typing import Any

import pytest

from streams.topology import run as module
from streams.topology.instances import instances
from streams.topology.model import load
from tests.topology.files import DEMO


class Stub:
    """Notes who was ended, in order."""

    def __init__(self, topology) -> None:
        self.children = [SimpleNamespace(instance=one, label=one.label, pid=1, done=False) for one in instances(topology)]
        self.ended: list[str] = []
        self.stopping = False

    def of_kind(self, *kinds):
        return [child for child in self.children if child.instance.kind in kinds]

    def end(self, child) -> None:
        self.ended.append(child.label)

    def ask(self, child) -> None:
        pass

    def watch(self) -> None:
        pass


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("demo.yaml", ["feed", "market", "trade", "books", "gateway", "venue", "sink", "control"]),
        ("fast.yaml", ["feed", "trade", "gateway", "mirror", "books", "venue", "sink", "control"]),
    ],
)
def test_stop_ends_each_stage_behind_what_it_reads(monkeypatch, name, wanted):
    topology = load(DEMO.with_name(name))
    supervisor, asked = Stub(topology), []
    monkeypatch.setattr(module, "command", lambda *_, **__: None)
    monkeypatch.setattr(module, "caught_up", lambda those: not asked.append([one.label for one in those]))
    monkeypatch.setattr(module, "sink_behind", lambda *_: 0)
    monkeypatch.setattr(module._Shift, "_await_cancels", lambda _: None)
    shift: Any = module._Shift
    shift(topology, None, supervisor, None, None, lambda *_: None, print).stop()
    assert supervisor.ended == wanted
    readers = [label for label in wanted if label in ("market", "trade", "books", "mirror")]
    assert sorted(asked[0]) == sorted(readers)  # all of them before anyone ends
    assert [labels for (labels,) in asked[1:]] == readers  # and each again before it ends
