"""A YAML file as values that still know their line, and the faults found in it."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from streams.errors import TopologyError

__all__ = ["Faults", "Keys", "Source", "nearest", "nearest_file", "path_text", "read", "value_of"]

Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """Values of a YAML file; numbers with a point are Decimal, so that nothing is rounded before it is checked."""

    path: str
    data: Any
    lines: dict[Keys, int]
    faults: "Faults"

    def line(self, keys: Keys) -> int:
        """Line of a key path, or of the nearest one above it that stands in the file; 1 if none does."""
        while keys:
            if keys in self.lines:
                return self.lines[keys]
            keys = keys[:-1]
        return 1


@dataclass
class Faults:
    """Faults of one file, gathered so that all are told at once."""

    path: str
    found: dict[tuple[int, str], str] = field(default_factory=dict)
    given: dict[Keys, str] = field(default_factory=dict)
    """What stands there that is not of the file: its source, by key path."""
    lines: dict[Keys, int] = field(default_factory=dict)
    """Line of each key path of the file."""

    def add(self, line: int, keys: Keys, message: str) -> None:
        """Note one fault; a second one at the same place is dropped, since it mostly follows from the first."""
        given = self._given(keys)
        if given is not None:
            line, message = 0, f"{self.given[given]}: {message if keys == given else f'{path_text(keys)}: {message}'}"
        self.found.setdefault((line, path_text(keys)), message)

    def check(self) -> None:
        """Raise TopologyError with every fault, in the order of the lines; nothing when there is none."""
        if self.found:
            told = [
                f"{self.path}:{line}: {where + ': ' if where else ''}{text}" if line else text
                for (line, where), text in sorted(self.found.items())
            ]
            raise TopologyError("\n".join(dict.fromkeys(told)))

    def _given(self, keys: Keys) -> Keys | None:
        """The key path of what was given at these keys, above them or below; None where the file stands."""
        above = [keys[:n] for n in range(len(keys), 0, -1) if keys[:n] in self.given]
        below = [given for given in self.given if given[: len(keys)] == keys and keys not in self.lines] if keys else []
        return next(iter(above + below), None)


def read(path: str | Path) -> Source:
    """The values of a file with their lines; TopologyError when it is missing or no YAML."""
    try:
        text = Path(path).read_text()
    except FileNotFoundError:
        raise TopologyError(f"{path}: no such file{nearest_file(path)}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise TopologyError(f"{path}: cannot be read: {error}") from None
    lines: dict[Keys, int] = {}
    faults = Faults(str(path), lines=lines)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        _walk(node, (), lines, faults)
        data = None if node is None else loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise TopologyError(f"{path}:{mark.line + 1 if mark else 1}: is no YAML: {error.problem or error.context}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise TopologyError(f"{path}:1: is no YAML: {' '.join(str(error).split())}") from None
    finally:
        loader.dispose()
    return Source(str(path), data, lines, faults)


def value_of(text: str) -> Any:
    """The value of a text as a file would have it; the text itself where YAML has no other. TopologyError for what is no YAML."""
    try:
        found = yaml.load(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError) as error:
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        raise TopologyError(f"{text!r} is no YAML value: {problem}; quote text that YAML reads otherwise") from None
    return Decimal(found) if isinstance(found, str) and _EXPONENT.fullmatch(found) else found


def nearest(name: str, known: Iterable[str]) -> str:
    """`; nearest is 'x'` for a misspelt name, else what is known."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, 1, 0.5)
    if close:
        return f"; nearest is {close[0]!r}"
    return f"; known: {', '.join(names)}" if names else ""


def nearest_file(path: str | Path) -> str:
    """`; nearest is topologies/demo.yaml` for a file name that is nearly right, else nothing."""
    wanted = Path(path)
    folder = wanted.parent if wanted.parent.is_dir() else Path("topologies" if wanted.suffix in (".yaml", ".yml") else ".")
    if not folder.is_dir():
        return ""
    names = {entry.name: entry for entry in folder.iterdir() if entry.is_file()}
    close = difflib.get_close_matches(wanted.name, names, 1, 0.6)
    return f"; nearest is {names[close[0]]}" if close else ""


def path_text(keys: Keys) -> str:
    """`processes.trade.agents[1]` for ("processes", "trade", "agents", 1)."""
    text = ""
    for key in keys:
        text += f"[{key}]" if isinstance(key, int) else f"{'.' if text else ''}{key}"
    return text


_EXPONENT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]+")
"""YAML 1.1 takes 1e-3 for text: it wants a point."""


class _Loader(yaml.SafeLoader):
    pass


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal | float:
    text = loader.construct_scalar(node)
    try:
        return Decimal(str(text).replace("_", ""))
    except ArithmeticError:
        return loader.construct_yaml_float(node)


_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def _walk(node: yaml.Node | None, keys: Keys, lines: dict[Keys, int], faults: Faults) -> None:
    """Note the line of every key path, and keys written twice: YAML would silently keep the last."""
    if node is None:
        return
    lines.setdefault(keys, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line = key.start_mark.line + 1
            below = (*keys, str(key.value))
            if below in lines:
                faults.add(line, below, f"is written twice, first in line {lines[below]}; keep one")
            else:
                lines[below] = line
            _walk(value, below, lines, faults)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*keys, index), lines, faults)
