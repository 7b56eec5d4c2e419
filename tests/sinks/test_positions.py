"""Where a sink goes on."""

import pytest

from streams.lanes.messages import Place
from streams.schema.model import Schema
from streams.sinks.plan import NOTHING, Progress
from streams.sinks.positions import Positions

TRADES = ("trades.v1", 0)


class StubGroup:
    """One partition, with or without a committed position."""

    def __init__(self, offset: int | None, metadata: str | None) -> None:
        self.offset, self.metadata = offset, metadata

    def committed(self, places: list[Place]) -> dict[Place, int]:
        return {} if self.offset is None else dict.fromkeys(places, self.offset)

    def notes(self, places: list[Place]) -> dict[Place, str]:
        return {} if self.metadata is None else dict.fromkeys(places, self.metadata)


def read(
    offset: int | None, metadata: str | None, low: int, high: int, rows: dict[int, tuple[int, int]] | None = None
) -> dict[Place, Progress]:
    """Record ids are ten times their offsets."""

    def last_rows(_: Schema) -> dict[int, tuple[int, int]]:
        return rows or {}

    kept: dict[Place, tuple[int, int]] = {TRADES: (low, high)}
    return Positions(StubGroup(offset, metadata), lambda _: kept, lambda _, at: at * 10, last_rows).read([TRADES])


@pytest.mark.parametrize(
    ("committed", "low", "high", "wanted"),
    [
        ((7, "millrace last=9 dead=2"), 0, 20, Progress(7, 9, 2)),
        ((7, None), 0, 20, Progress(7)),
        ((20, "millrace"), 0, 20, Progress(20)),
        ((7, "millrace last=9"), 8, 20, Progress(7, 9)),  # half of the planned batch is gone: the other half goes in
        ((7, "millrace last=9 dead=1"), 12, 20, Progress(12, NOTHING, 1)),  # all of it is
        ((30, "millrace dead=1"), 0, 20, Progress(0, NOTHING, 1)),  # another topic of that name
    ],
)
def test_read_committed_position_is_fitted_to_what_the_topic_has(
    committed: tuple[int, str | None], low: int, high: int, wanted: Progress
) -> None:
    assert read(*committed, low, high) == {TRADES: wanted}


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ({}, 3),
        ({0: (12, 120)}, 13),  # the topic's record at 12 has id 120
        ({0: (12, 999)}, 3),  # that row came from another topic of the name
        ({0: (2, 20)}, 3),  # no longer kept
        ({0: (99, 990)}, 3),  # beyond the end
        ({1: (12, 120)}, 3),  # of another partition
    ],
)
def test_read_without_position_goes_on_behind_the_last_row_if_it_is_this_topics(rows: dict[int, tuple[int, int]], wanted: int) -> None:
    assert read(None, None, 3, 20, rows) == {TRADES: Progress(wanted)}


def test_read_partition_without_a_leader_is_left_for_later() -> None:
    assert Positions(StubGroup(None, None), lambda _: {}, lambda *_: None, lambda _: {}).read([TRADES]) == {}
