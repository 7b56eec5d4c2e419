"""How a process of the fast lane waits: it spins, then gives its core away, then sleeps until it is woken."""

import ctypes
import sys
from dataclasses import dataclass

from streams.errors import ConfigError

__all__ = ["POLICIES", "Waiting", "sharp_sleeps", "waiting_policy"]

_ALWAYS = 1 << 62
_PR_SET_TIMERSLACK, _SLACK_NS = 29, 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """What happens while there is nothing to do, in this order.

    spins  : looks with a pause between (20 to 60 ns each), >= 0
    yields : then looks after giving the core to whoever wants it, >= 0
    sleeps : then sleep by futex until the writer wakes; false = spin on
    """

    spins: int
    yields: int
    sleeps: bool


POLICIES = {
    "spin": Waiting(spins=0, yields=0, sleeps=False),
    "yield": Waiting(spins=200, yields=_ALWAYS, sleeps=False),
    "sleep": Waiting(spins=200, yields=0, sleeps=True),
    "backoff": Waiting(spins=2_000, yields=100, sleeps=True),
}
"""spin: for a core of its own. yield: shared cores, an answer in some us, the core always busy. sleep: costs nothing while nothing comes.
backoff: all three in turn, the default."""


def waiting_policy(name: str) -> Waiting:
    """The policy of that name; ConfigError names the allowed ones."""
    if name not in POLICIES:
        raise ConfigError(f"wait: {name!r} is no policy; use {', '.join(POLICIES)}")
    return POLICIES[name]


def sharp_sleeps() -> None:
    """Let sleeps of this thread end when they are due, and not up to 50 us later, where the host can (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(_SLACK_NS))
