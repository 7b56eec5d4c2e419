"""The run's clock: wall time, and recorded time at any speed."""

import time

import pytest

from streams.clock import RunClock
from streams.errors import ConfigError
from streams.records import Clock

START, WALL = 1_723_161_255_030_314_667, 1_900_000_000_000_000_000


def test_run_clock_wall_is_the_wall_clock():
    clock = RunClock(Clock.WALL)
    before = time.time_ns()
    assert before <= clock.now_ns() <= time.time_ns()
    assert clock.wall_ns_at(WALL) == WALL


@pytest.mark.parametrize("speed", [0.5, 1.0, 20.0])
def test_run_clock_recording_passes_speed_times_as_fast(speed):
    clock = RunClock(Clock.RECORDING, START, WALL, speed)
    assert clock.at_wall_ns(WALL) == START
    assert clock.at_wall_ns(WALL + 10**9) == START + int(speed * 10**9)
    assert clock.wall_ns_at(START + 10**9) == WALL + int(10**9 / speed)


def test_run_clock_recording_now_moves_on():
    clock = RunClock(Clock.RECORDING, START, time.time_ns(), 20.0)
    assert START <= clock.now_ns() <= clock.now_ns()


def test_run_clock_speed_zero_is_refused():
    with pytest.raises(ConfigError, match="speed 0"):
        RunClock(Clock.RECORDING, START, WALL, 0)
