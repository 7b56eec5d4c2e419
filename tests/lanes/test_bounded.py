"""Calls that may never return."""

import threading

import pytest

from streams.lanes.bounded import Bounded


def test_call_that_returns_gives_its_result_or_raises() -> None:
    bounded = Bounded()
    assert [bounded.call(5.0, divmod, 7, n) for n in (2, 3)] == [(3, 1), (2, 1)]
    with pytest.raises(ZeroDivisionError):
        bounded.call(5.0, divmod, 1, 0)
    assert bounded.call(5.0, divmod, 1, 1) == (1, 0)
    bounded.close()


def test_call_that_hangs_is_given_up_and_so_is_every_later_one() -> None:
    bounded, release = Bounded(), threading.Event()
    with pytest.raises(TimeoutError, match="no return within 0 s"):
        bounded.call(0.01, release.wait)
    with pytest.raises(TimeoutError, match="an earlier call never returned"):
        bounded.call(5.0, divmod, 1, 1)
    assert bounded.lost
    release.set()
    bounded.close()
