"""When a batch is due."""

from streams.sinks.held import Held

TRADES, FILLS, LETTERS = ("trades.v1", 0), ("fills.v1", 1), ("trades.v1.dlq.v1", 0)


class StubMessage:
    def __init__(self, size_bytes: int = 10) -> None:
        self.size_bytes = size_bytes

    def value(self) -> bytes:
        return bytes(self.size_bytes)


def held(rows_max: int = 100, bytes_max: int = 1000) -> Held:
    return Held(0.5, 2.0, rows_max, bytes_max)


def add(to: Held, place: tuple[str, int], now_s: float, size_bytes: int = 10) -> StubMessage:
    message = StubMessage(size_bytes)
    to.add(place, message, now_s)  # type: ignore[arg-type]
    return message


def test_due_each_partition_when_its_first_record_has_waited_enough() -> None:
    now = held()
    trades = [add(now, TRADES, 0.0), add(now, TRADES, 1.9)]
    fills, letters = add(now, FILLS, 0.2), add(now, LETTERS, 0.2)
    assert now.due(0.65) == {}
    assert now.due(0.75) == {FILLS: [fills], LETTERS: [letters]}
    assert now.due(1.99) == {}
    assert now.due(2.0) == {TRADES: trades}
    assert (now.rows, now.size_bytes, now.due(99.0)) == (0, 0, {})


def test_due_everything_when_there_is_no_room() -> None:
    by_rows, by_bytes = held(rows_max=2), held(bytes_max=30)
    for now in (by_rows, by_bytes):
        add(now, TRADES, 0.0)
    assert (by_rows.room, by_bytes.room) == (1, 99)
    add(by_rows, FILLS, 0.0)
    add(by_bytes, FILLS, 0.0, size_bytes=20)
    assert (by_rows.room, by_bytes.room) == (0, 0)
    assert [sorted(now.due(0.0)) for now in (by_rows, by_bytes)] == [[FILLS, TRADES], [FILLS, TRADES]]
    assert (by_rows.room, by_bytes.room) == (2, 100)
