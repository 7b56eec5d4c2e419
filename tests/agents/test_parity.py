"""Plain and compiled processes given the same records end in the same bytes; fused and separate processes trade the same."""

import random

import pytest

from streams.records import Order, Request, VenueEventType
from streams.slots import SLOTS
from tests.agents.desk import T0, Desk, book, quote

AGENTS = ("strategy", "risk", "execute", "account")


def market(seed: int, n: int):
    """A random walk of one-level books, with gaps, snapshots and quotes."""
    rng = random.Random(seed)
    bid = 600_000
    for i in range(1, n):
        bid += rng.choice((-3, -1, 0, 1, 3))
        ts_ns = T0 + i * 50_000_000
        yield book(
            i,
            f"{bid / 10:.1f}",
            f"{(bid + rng.choice((1, 2, 5))) / 10:.1f}",
            ts_ns,
            snapshot=rng.random() < 0.7 or i == 1,
            gap=rng.random() < 0.02,
        )
        if rng.random() < 0.5:
            yield quote(i, f"{bid / 10:.1f}", f"{(bid + 1) / 10:.1f}", ts_ns)


def play(desk: Desk, seed: int, n: int) -> list:
    """The market, and a venue that acknowledges, fills, rejects and cancels at random."""
    rng = random.Random(seed + 1)
    records = []
    for record in market(seed, n):
        todo = [record]
        while todo:
            out = desk.give(todo.pop(0))
            records += out
            for request in out:
                if isinstance(request, Request):
                    todo += venue(desk, rng, request)
    return records


def venue(desk: Desk, rng: random.Random, request: Request):
    kind = rng.random()
    if request.action.name == "CANCEL":
        return [desk.answer(request, VenueEventType.CANCELLED if kind < 0.8 else VenueEventType.CANCEL_REJECT)]
    if request.action.name == "REPLACE":
        return [desk.answer(request, VenueEventType.REPLACED if kind < 0.8 else VenueEventType.REPLACE_REJECT)]
    if kind < 0.1:
        return [desk.answer(request, VenueEventType.REJECT)]
    answers = [desk.answer(request, VenueEventType.ACK)]
    if kind > 0.6:
        answers.append(desk.answer(request, VenueEventType.FILL, px=request.px_e9, qty=request.qty_e9 // 2))
    if kind > 0.8:
        answers.append(desk.answer(request, VenueEventType.FILL, px=request.px_e9, qty=request.qty_e9 - request.qty_e9 // 2))
    return answers


@pytest.mark.slow
def test_plain_and_compiled_end_in_the_same_bytes():
    plain, compiled = Desk(*AGENTS), Desk(*AGENTS, compiled=True)
    assert play(plain, 3, 400) == play(compiled, 3, 400)
    ours, theirs = plain.process.snapshot(), compiled.process.snapshot()
    assert {k: v[2] for k, v in ours.items()} == {k: v[2] for k, v in theirs.items()}


def test_separate_agents_write_what_fused_ones_write():
    fused = Desk("strategy", "risk", "execute")
    a, b, c = Desk("strategy"), Desk("risk"), Desk("execute")
    for record in market(5, 60):
        expected = fused.give(record)
        got = []
        todo = [record]
        while todo:
            one = todo.pop(0)
            for desk in (a, b, c):
                if type(one) in desk.process.reads:
                    out = desk.give(one)
                    got += out
                    todo += out
        ours = [r for r in got if isinstance(r, Order)]
        assert [r._replace(id=0, cause_id=0) for r in ours] == [r._replace(id=0, cause_id=0) for r in expected if isinstance(r, Order)]


def test_every_slot_kind_has_a_size_of_whole_cache_lines():
    assert {cls._size_ for cls in SLOTS.values()} <= {64, 128, 256}
