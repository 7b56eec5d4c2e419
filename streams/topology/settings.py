"""`--set KEY=VALUE`: values of a topology file replaced before it is checked, so that its own loader says what is wrong with them.

KEY is a path into the file, or short for one:

    strategies.maker.params.gamma       one parameter of one strategy
    maker.gamma                         the same
    strategy.gamma                      that parameter of every strategy that has it
    accounts.maker-1.limits.position    any other value
"""

from collections.abc import Iterable, Iterator
from typing import Any

from streams.errors import ConfigError, TopologyError
from streams.topology.classes import load_class, parameters
from streams.topology.source import Keys, Source, nearest, path_text, value_of

__all__ = ["apply_settings", "split"]

EVERY_STRATEGY = "strategy"
_NAMED = ("venues", "instruments", "desks", "traders", "accounts", "strategies", "processes")
"""Sections whose keys are names that the file chose: a setting changes one of them, it does not add one."""


def split(text: str) -> tuple[str, str]:
    """KEY and VALUE of one setting; ConfigError when it is none."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip() or not value.strip():
        raise ConfigError(f"--set {text}: is no setting; write KEY=VALUE, such as --set strategy.gamma=0.2")
    return key.strip(), value.strip()


def apply_settings(source: Source, settings: Iterable[str], sections: Iterable[str]) -> None:
    """Replace the values in `source.data` that the settings name; a fault at one of them is then told as the setting's.

    sections : the keys a topology may have
    ConfigError when a key leads nowhere; values are for the loader to judge.
    """
    for text in settings:
        key, value = split(text)
        try:
            found = value_of(value)
        except TopologyError as error:
            raise ConfigError(f"--set {text}: {error}") from None
        for keys in _paths(source.data, key, text, tuple(sections)):
            source.faults.given[_put(source, keys, found, text)] = f"--set {text}"


def _paths(data: dict[str, Any], key: str, text: str, sections: tuple[str, ...]) -> Iterator[Keys]:
    """The path that a key names; several for every strategy's parameter."""
    parts = key.split(".")
    strategies = data.get("strategies")
    names = [str(name) for name in strategies] if isinstance(strategies, dict) else []
    if parts[0] in sections:
        yield _named(data, tuple(parts), text)
    elif parts[0] == EVERY_STRATEGY and len(parts) == 2:
        known = {name: _parameters(strategies[name]) for name in names} if isinstance(strategies, dict) else {}
        having = [name for name, found in known.items() if parts[1] in found]
        if not having:
            raise ConfigError(f"--set {text}: no strategy has a parameter {parts[1]!r}{nearest(parts[1], set().union(*known.values()))}")
        yield from (("strategies", name, "params", parts[1]) for name in having)
    elif parts[0] in names and len(parts) == 2:
        yield "strategies", parts[0], "params", parts[1]
    else:
        raise ConfigError(f"--set {text}: {parts[0]!r} is no key here{nearest(parts[0], {*sections, *names, EVERY_STRATEGY})}")


def _named(data: dict[str, Any], keys: Keys, text: str) -> Keys:
    """The path, its name checked against those of the file."""
    section = data.get(str(keys[0]))
    if keys[0] in _NAMED and len(keys) > 1 and isinstance(section, dict | list):
        names = [str(name) for name in section]
        if str(keys[1]) not in names:
            raise ConfigError(f"--set {text}: {path_text(keys[:1])} has no {keys[1]!r}{nearest(str(keys[1]), names)}")
    return keys


def _parameters(entry: Any) -> set[str]:
    try:
        return set(parameters(load_class(str(entry["class"]))))
    except Exception:  # whatever is wrong with a strategy is told by the loader, with its line
        return set()


def _put(source: Source, keys: Keys, value: Any, text: str) -> Keys:
    """Replace one value, making the mappings on the way to it; where it stands now."""
    at = source.data
    if keys[0] == "instruments" and isinstance(at.get("instruments"), list):  # listed instruments: names alone
        at["instruments"] = dict.fromkeys(at["instruments"])
    for depth, key in enumerate(keys[:-1]):
        below = at.get(key)
        if below is None:
            below = at[key] = {}
        if isinstance(below, list):
            below = at[key] = list(below)
            return _put_in_list(below, keys[depth + 1 :], keys[: depth + 1], value, text)
        if not isinstance(below, dict):
            where = path_text(keys[: depth + 1])
            raise ConfigError(f"--set {text}: {where} is {below}, which has no keys; set {where} itself, such as --set '{where}={{...}}'")
        at[key] = dict(below)  # an anchor of the file may stand in several places: only this one changes
        at = at[key]
    at[keys[-1]] = value
    return keys


def _put_in_list(found: list[Any], keys: Keys, where: Keys, value: Any, text: str) -> Keys:
    """Replace a whole element of a list, named by its place."""
    if len(keys) != 1 or not str(keys[0]).isdecimal() or int(keys[0]) >= len(found):
        raise ConfigError(
            f"--set {text}: {path_text(where)} is a list of {len(found)}; set it whole, such as --set '{path_text(where)}=[...]'"
        )
    found[int(keys[0])] = value
    return (*where, int(keys[0]))
