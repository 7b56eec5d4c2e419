"""What compiled code asks of the operating system: the same plain and compiled."""

import ctypes
import threading
import time

import pytest

from streams.kernel import native
from streams.kernel.system import barrier_all, barrier_register, monotonic_ns, sleep_on, wake_all, yield_cpu


def s_sleep(addr: int, value: int, ns: int) -> int:
    for _ in range(3):
        sleep_on(addr, value, ns)
    return 0


def s_wake(addr: int) -> int:
    return wake_all(addr)


def s_now() -> int:
    return monotonic_ns()


def s_yield() -> int:
    return yield_cpu()


def s_barriers() -> int:
    return (barrier_register() < 0) * 2 + (barrier_all() < 0)


ENTRIES = {"s_sleep": (s_sleep, 3), "s_wake": (s_wake, 1), "s_now": (s_now, 0), "s_yield": (s_yield, 0), "s_barriers": (s_barriers, 0)}


@pytest.fixture(scope="module", params=["plain", "compiled"])
def entry(request, cache):
    if request.param == "plain":
        return {name: fn for name, (fn, _) in ENTRIES.items()}
    loaded = native.load("system", lambda: ENTRIES, [__file__])
    return {name: native.function(getattr(loaded, name), n) for name, (_, n) in ENTRIES.items()}


def test_monotonic_ns_is_the_clock_of_python(entry):
    before = time.monotonic_ns()
    found = entry["s_now"]()
    assert before <= found <= time.monotonic_ns()


def test_yield_and_barriers_work_here(entry):
    assert entry["s_yield"]() == 0
    assert entry["s_barriers"]() in (0, 3)  # both or none


def test_sleep_on_changed_word_does_not_sleep_and_time_ends_it(entry):
    word = ctypes.c_int64(5)
    start = time.monotonic()
    entry["s_sleep"](ctypes.addressof(word), 4, 60_000_000_000)
    assert time.monotonic() - start < 30
    entry["s_sleep"](ctypes.addressof(word), 5, 1_000_000)
    assert time.monotonic() - start >= 0.003


def test_wake_all_ends_a_sleep(entry):
    word = ctypes.c_int64(5)
    sleeper = threading.Thread(target=entry["s_sleep"], args=(ctypes.addressof(word), 5, 60_000_000_000))
    sleeper.start()
    end = time.monotonic() + 20
    while sleeper.is_alive() and time.monotonic() < end:
        entry["s_wake"](ctypes.addressof(word))
        time.sleep(0.001)
    assert not sleeper.is_alive()
