"""A reader that has stopped is noticed; one that is idle, or busy, is not."""

from streams.control.stall import Stall

PLACE = ("fills.v1", 0)


def stalled(*looks: tuple[float, int, int]) -> list[bool]:
    """What each look says: seconds, offset read, end of the partition."""
    stall = Stall()
    return [bool(list(stall.look({PLACE: read}, {PLACE: end}, now_s))) for now_s, read, end in looks]


def test_stall_partition_that_grows_unread_is_told():
    assert stalled((0, 7, 10), (15, 7, 40), (30, 7, 80), (45, 7, 100), (60, 7, 100)) == [False, False, False, True, True]


def test_stall_idle_or_marks_only_is_none():
    assert not any(stalled((0, 7, 10), (60, 7, 10), (120, 7, 20)))


def test_stall_reader_that_is_slow_but_reads_is_none():
    assert not any(stalled((0, 0, 1_000), (60, 1, 9_000), (120, 2, 20_000)))


def test_stall_reader_that_came_back_begins_anew():
    assert stalled((0, 7, 10), (45, 7, 100), (60, 90, 100), (110, 90, 120)) == [False, True, False, False]
