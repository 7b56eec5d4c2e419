"""How long a run waits for its processes."""

import os

import pytest

from streams.topology.runs import LEAST_START_S, MOST_START_S, start_s


@pytest.mark.parametrize(
    ("processes", "load", "cores", "seconds"),
    [(8, 0.0, 2, LEAST_START_S), (8, 2.0, 2, 11.2), (8, 2.0, 16, LEAST_START_S), (30, 9.0, 2, MOST_START_S)],
)
def test_start_s_of_a_busy_machine_is_longer_within_bounds(processes, load, cores, seconds, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    assert start_s(processes) == pytest.approx(seconds)
