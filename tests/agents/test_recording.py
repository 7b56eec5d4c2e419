"""The recorded market through every agent, plain and compiled: the same records, and the same bytes of state at the end."""

from typing import NamedTuple

import pytest

from streams.records import Decision, Fill, Order, OrdStatus, Position, Report, Request
from tests.agents.recorded import Run
from tests.real_recording import needs_real_recording

pytestmark = [pytest.mark.slow, needs_real_recording]


PLAIN_FRAMES, FRAMES = 20_000, 50_000  # of 94 thousand: the plain run takes ten times as long


class Runs(NamedTuple):
    """A plain run over the first frames, and a compiled one over more; its records and state where the plain one has ended."""

    plain: Run
    compiled: Run
    records: int
    state: dict[str, tuple[str, str, bytes]]


@pytest.fixture(scope="module")
def runs() -> Runs:
    plain, compiled = Run(compiled=False), Run(compiled=True)
    plain.play(PLAIN_FRAMES)
    records, state = len(compiled.play(PLAIN_FRAMES)), compiled.process.snapshot()
    compiled.play(FRAMES - PLAIN_FRAMES)
    return Runs(plain, compiled, records, state)


def test_plain_and_compiled_runs_write_the_same_records(runs):
    plain, compiled = runs.plain.records, runs.compiled.records
    assert len(plain) == runs.records > PLAIN_FRAMES
    assert len(compiled) > FRAMES
    for ours, theirs in zip(plain, compiled[: runs.records], strict=True):
        assert ours == theirs


def test_plain_and_compiled_runs_end_in_the_same_bytes(runs):
    ours = runs.plain.process.snapshot()
    assert ours.keys() == runs.state.keys()
    for part in ours:
        assert ours[part][2] == runs.state[part][2], part


def test_venue_and_agents_agree_on_every_order(runs):
    records, venue = runs.compiled.records, runs.compiled.venue
    orders, decisions = [r for r in records if isinstance(r, Order)], [r for r in records if isinstance(r, Decision)]
    assert len(orders) == len(decisions)
    assert [d.cause_id for d in decisions] == [o.id for o in orders]
    fills, requests = [r for r in records if isinstance(r, Fill)], [r for r in records if isinstance(r, Request)]
    assert len(fills) == venue.fill_count > 100
    assert [int(f.exec_id) for f in fills] == list(range(1, len(fills) + 1))
    assert {f.order_id for f in fills} <= {r.order_id for r in requests}
    last = [r for r in records if isinstance(r, Position)][-1]
    assert last.qty_e9 == sum(f.last_qty_e9 * (1 - 2 * f.side) for f in fills)
    assert last.fees == sum(f.fee for f in fills)


def test_open_orders_of_venue_and_execute_are_the_same_ones(runs):
    plain = runs.plain
    last = {r.order_id: r for r in plain.records if isinstance(r, Report)}
    terminal = {OrdStatus.FILLED, OrdStatus.CANCELLED, OrdStatus.REJECTED, OrdStatus.EXPIRED}
    assert sum(r.ord_status not in terminal for r in last.values()) == plain.venue.orders.open_count
