"""Which base port the embedded stack takes, so that the stacks of two checkouts live side by side."""

import os

from streams.errors import ConfigError, StackError
from streams.local.processes import holder_of, listeners, owner_home
from streams.local.service import OFFSETS, Say

__all__ = ["DEFAULT_BASE", "asked_base", "choose_base"]

DEFAULT_BASE = 19_000
STEP = 1_000
LAST_BASE = 60_000


def choose_base(home: str, remembered: int | None, names: tuple[str, ...], say: Say) -> int:
    """The base port for this checkout: `MILLRACE_PORT`, else the one it had, else the first that no other checkout's stack holds.

    names: the listeners that will be opened ("kafka", "controller", "registry", "clickhouse").
    StackError if a port is held by a process that is no stack of ours, or at all when MILLRACE_PORT asked for this base.
    """
    asked = asked_base()
    base = asked or remembered or DEFAULT_BASE
    while True:
        taken = listeners(tuple(base + OFFSETS[name] for name in names))
        if not taken:
            if base != (asked or remembered or DEFAULT_BASE):
                say(f"ports from {base}: another checkout's stack holds {asked or remembered or DEFAULT_BASE}")
            return base
        port, pid = next(iter(sorted(taken.items())))
        owner = owner_home(pid)
        if owner is None or owner == home:
            raise StackError(_taken(port, holder_of(pid), base))
        if asked:
            raise StackError(_taken(port, f"the stack of {owner}", base))
        base += STEP
        if base > LAST_BASE:
            raise StackError(
                f"no free ports from {DEFAULT_BASE} to {LAST_BASE} in steps of {STEP}; choose a base: MILLRACE_PORT=... millrace up"
            )


def asked_base() -> int | None:
    """The base port that `MILLRACE_PORT` asks for, if it does; ConfigError if it is none."""
    text = os.environ.get("MILLRACE_PORT")
    if not text:
        return None
    if not text.isdecimal() or not 1024 <= int(text) <= LAST_BASE:
        raise ConfigError(f"MILLRACE_PORT={text!r}: must be a whole number from 1024 to {LAST_BASE}")
    return int(text)


def _taken(port: int, holder: str, base: int) -> str:
    other = base + 10_000 if base + 10_000 <= LAST_BASE else DEFAULT_BASE
    return f"port {port} is taken by {holder}. Stop it, or choose another base: MILLRACE_PORT={other} millrace up"
