"""When a batch is due, and what is in it."""

from streams.sinks.held import BATCHES, Held, Place
from streams.sinks.records import Records

TRADES, BOOKS = ("trades.v1", 0), ("book_updates.v1", 1)


def held(rows_max: int = 100, bytes_max: int = 1000) -> Held:
    return Held(2.0, rows_max, bytes_max)


def add(to: Held, place: Place, now_s: float, offsets: range, size_bytes: int = 10) -> None:
    to.add(place, Records.of([b"%d" % n + bytes(size_bytes - len(str(n))) for n in offsets], offsets, offsets), now_s)


def offsets(due: dict[Place, Records]) -> dict[Place, list[int]]:
    """Offsets by partition; the values say the same."""
    for records in due.values():
        assert [int((records.value(row) or b"").rstrip(bytes(1))) for row in range(len(records))] == records.offset.tolist()
        assert records.starts[0] == 0
    return {place: records.offset.tolist() for place, records in due.items()}


def test_due_each_partition_when_its_first_record_has_waited_enough() -> None:
    now = held()
    add(now, TRADES, 0.0, range(5, 7))
    add(now, BOOKS, 0.2, range(3))
    add(now, TRADES, 1.9, range(7, 8))
    assert now.due(1.99) == {}
    assert offsets(now.due(2.0)) == {TRADES: [5, 6, 7]}
    assert now.due(2.1) == now.due(2.2, busy={BOOKS}) == {}
    assert offsets(now.due(2.2)) == {BOOKS: [0, 1, 2]}
    assert now.due(99.0) == {}


def test_due_a_whole_batch_at_once_and_no_more_than_that() -> None:
    for now in (held(rows_max=4), held(bytes_max=40)):
        add(now, TRADES, 0.0, range(3))
        assert now.due(0.1) == {}
        add(now, TRADES, 0.1, range(3, 9))
        assert offsets(now.due(0.2)) == {TRADES: [0, 1, 2, 3]}
        assert offsets(now.due(0.2)) == {TRADES: [4, 5, 6, 7]}
        assert now.due(2.0) == {}
        assert offsets(now.due(2.1)) == {TRADES: [8]}


def test_due_a_record_larger_than_a_batch_goes_alone() -> None:
    now = held(bytes_max=40)
    add(now, TRADES, 0.0, range(2), size_bytes=50)
    assert [offsets(now.due(0.0)) for _ in range(3)] == [{TRADES: [0]}, {TRADES: [1]}, {}]


def test_room_is_taken_until_a_batch_is_in_its_table() -> None:
    now = held(rows_max=10)
    add(now, TRADES, 0.0, range(10 * BATCHES - 1))
    add(now, BOOKS, 0.0, range(1))
    assert (now.room, now.rows, now.size_bytes) == (0, 10 * BATCHES, 100 * BATCHES)
    assert sorted(now.due(0.0)) == sorted((TRADES, BOOKS))  # whoever waits stands in the way of others
    assert now.room == 0
    now.gone(10, 100)
    assert (now.room, now.rows, now.size_bytes) == (10, 10 * BATCHES - 10, 100 * BATCHES - 100)


def test_everything_gives_all_in_batches() -> None:
    now = held(rows_max=2)
    add(now, TRADES, 0.0, range(3))
    assert [offsets(now.everything()) for _ in range(3)] == [{TRADES: [0, 1]}, {TRADES: [2]}, {}]
