"""A copy of a process's state gives what the process packs itself, of the moment when it was taken."""

import pytest

from streams.agents.process import Process
from streams.agents.runner import CompiledNode
from streams.agents.state_copy import StateCopy
from tests.agents.desk import control, spec

AGENTS = ("strategy", "risk", "execute")


def process_of(compiled: bool) -> Process:
    made = Process(spec(*AGENTS), compiled=compiled)
    for record in control():
        made.on_input(record)
    made.take_outputs()
    return made


def as_bytes(parts):
    return {part: (layout, fields, bytes(data)) for part, (layout, fields, data) in parts.items()}


@pytest.mark.parametrize("compiled", [True, False])
def test_parts_are_the_snapshot_of_when_they_were_taken(compiled):
    process = process_of(compiled)
    copy = StateCopy(process)
    before = process.snapshot()
    copy.take()
    process.on_tick(77, process.now_ns + 1_000_000_000)
    process.take_outputs()
    assert as_bytes(copy.parts()) == before
    copy.take()
    assert as_bytes(copy.parts()) == process.snapshot() != before


def test_parts_of_a_watched_node_hold_no_address():
    process = process_of(compiled=True)
    plain = process.snapshot()
    node = process.node
    assert isinstance(node, CompiledNode)
    node.watch_orders(1 << 40, 1 << 41, None)
    copy = StateCopy(process)
    copy.take()
    assert as_bytes(copy.parts()) == plain
    assert node.view.out.on_order == 1 << 40  # the node goes on as it was
