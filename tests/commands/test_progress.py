"""How far something long has come, without a terminal."""

import doctest
from unittest import mock

from streams.commands import progress
from streams.commands.progress import Bar


def test_examples_of_the_module_hold():
    assert doctest.testmod(progress).failed == 0


def test_bar_without_a_terminal_says_a_line_each_two_seconds():
    said: list[str] = []
    with mock.patch.object(progress.time, "monotonic", side_effect=[0.0, 1.0, 2.0, 2.5, 4.0]), Bar("replay", "events", said.append) as bar:
        bar.update(0.1, 1_000_000)
        bar.update(0.25, 2_000_000)
        bar.update(0.3, 2_500_000)
        bar.update(-1, 3_000_000)
    assert said == [
        "replay    25%   2,000,000 events   1.0 M events/s   6.0 s left",
        "replay   3,000,000 events   750 k events/s",
    ]


def test_bar_that_may_not_speak_is_silent():
    with mock.patch.object(progress.sys.stderr, "isatty", return_value=True), Bar("replay", "events", None) as bar:
        bar.update(0.5, 10)
