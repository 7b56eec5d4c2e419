"""What strategies see and call, through a whole process: callback by callback, call by call, plain and compiled."""

import random

import pytest

from streams.records import CommandType, OrderAction, Request, VenueEventType
from tests.agents.desk import Desk, command
from tests.agents.test_parity import market

AGENTS = ("strategy", "risk", "execute", "account")
EVERYTHING = "tests.strategies.everything:Everything"
SPEAKER = "tests.strategies.everything:Speaker"
LOT_E9 = 1_000_000


def of(cls, records):
    return [r for r in records if isinstance(r, cls)]


def play(desk: Desk, seed: int, n: int) -> list:
    """A market, a venue that answers at random, a parameter and a stop on the way."""
    rng = random.Random(seed + 1)
    records = []
    for k, record in enumerate(market(seed, n)):
        if k == n // 2:
            desk.set_params("maker", size_lots=3)
        todo = [record]
        while todo:
            out = desk.give(todo.pop(0))
            records += out
            for request in of(Request, out):
                todo += answers(desk, rng, request)
    return records + desk.give(command(CommandType.PAUSE))


def answers(desk: Desk, rng: random.Random, request: Request) -> list:
    """What a venue might say to a request."""
    if request.action == OrderAction.CANCEL:
        return [desk.answer(request, rng.choice((VenueEventType.CANCELLED, VenueEventType.CANCELLED, VenueEventType.CANCEL_REJECT)))]
    if request.action == OrderAction.REPLACE:
        return [desk.answer(request, rng.choice((VenueEventType.REPLACED, VenueEventType.REPLACE_REJECT)))]
    if rng.random() < 0.1:
        return [desk.answer(request, VenueEventType.REJECT)]
    ack = desk.answer(request, VenueEventType.ACK)
    if request.px_e9 is None or rng.random() < 0.6:
        return [ack]
    return [ack, desk.answer(request, VenueEventType.FILL, px=request.px_e9, qty=LOT_E9)]


@pytest.mark.slow
def test_everything_plain_and_compiled_end_in_the_same_bytes():
    plain = Desk(*AGENTS, cls=EVERYTHING, more=(SPEAKER,))
    compiled = Desk(*AGENTS, cls=EVERYTHING, more=(SPEAKER,), compiled=True)
    assert play(plain, 3, 250) == play(compiled, 3, 250)
    ours, theirs = plain.process.snapshot(), compiled.process.snapshot()
    assert {k: v[2] for k, v in ours.items()} == {k: v[2] for k, v in theirs.items()}
