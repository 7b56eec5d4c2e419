"""Where a sink goes on."""

from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streams.sinks import positions
from streams.sinks.plan import NOTHING, Progress
from streams.sinks.positions import Positions

TRADES = ("trades.v1", 0)
NONE = -1001  # librdkafka's word for "nothing committed"


class StubConsumer:
    """One partition with an end, a beginning and a committed position."""

    def __init__(self, offset: int, metadata: str | None, low: int, high: int) -> None:
        self.at: Any = (offset,) if metadata is None else (offset, metadata)
        self.ends = (low, high)

    def committed(self, places: list[TopicPartition], _: float) -> list[TopicPartition]:
        return [TopicPartition(place.topic, place.partition, *self.at) for place in places]

    def get_watermark_offsets(self, _: TopicPartition, __: float) -> tuple[int, int]:
        return self.ends


def read(consumer: Any, monkeypatch: pytest.MonkeyPatch, rows: dict[int, tuple[int, int]] | None = None) -> dict[tuple[str, int], Progress]:
    """Record ids are ten times their offsets."""
    monkeypatch.setattr(positions, "read_range", lambda _, topic, p, first, end: [SimpleNamespace(value=lambda: first)])
    wire: Any = SimpleNamespace(decode=lambda _, value: SimpleNamespace(id=value * 10))
    return Positions("kafka", "group", consumer, wire, lambda _: rows or {}).read([TRADES])


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
    committed: tuple[int, str | None], low: int, high: int, wanted: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(StubConsumer(*committed, low, high), monkeypatch) == {TRADES: wanted}


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
def test_read_without_position_goes_on_behind_the_last_row_if_it_is_this_topics(
    rows: dict[int, tuple[int, int]], wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read(StubConsumer(NONE, None, 3, 20), monkeypatch, rows) == {TRADES: Progress(wanted)}


def test_read_partition_without_a_leader_is_left_for_later(monkeypatch: pytest.MonkeyPatch) -> None:
    class Settling(StubConsumer):
        def get_watermark_offsets(self, _: TopicPartition, __: float) -> tuple[int, int]:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE))

    assert read(Settling(NONE, None, 0, 0), monkeypatch) == {}
