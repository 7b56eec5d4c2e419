"""What a command may name: everything, a scope, an instrument, a strategy."""

import difflib
from collections.abc import Iterable

from streams.errors import ConfigError
from streams.records import Name, NameKind

__all__ = ["check_target", "targets"]

_KINDS = (NameKind.SCOPE, NameKind.INSTRUMENT, NameKind.STRATEGY)


def targets(names: Iterable[Name]) -> dict[str, NameKind]:
    """What the dictionary knows of, and as what."""
    return {name.name: name.kind for name in names if name.kind in _KINDS}


def check_target(target: str, known: Iterable[str]) -> None:
    """ConfigError for a target that no lane would know: a stop that stops nothing must not look like one. "" is everything."""
    names = sorted(known)
    if target and target not in names:
        close = difflib.get_close_matches(target, names, 1, 0.5)
        near = f"nearest is {close[0]!r}" if close else f"known: {', '.join(names)}"
        raise ConfigError(f"{target!r} is no scope, instrument or strategy; {near}")
