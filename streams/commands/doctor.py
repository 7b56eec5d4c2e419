"""`millrace doctor`: what this host offers, and what it costs not to have it."""

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable

import typer

from streams.local.doctor.examine import examine
from streams.local.doctor.finding import BETTER, OK, WRONG, Finding
from streams.local.doctor.host import Host

__all__ = ["doctor", "lines"]

Say = Callable[[str], None]
_MARKS = {OK: ("ok", typer.colors.GREEN), BETTER: ("better", typer.colors.YELLOW), WRONG: ("WRONG", typer.colors.RED)}
_MARK, _NAME, _LABEL = 8, 15, 7
_WIDE, _WIDEST = 72, 140


def doctor(as_json: bool, say: Say, host: Host | None = None) -> int:
    """Say everything that was found; the exit status: 1 where something would not work at all."""
    found = []
    width = shutil.get_terminal_size((100, 24)).columns
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for finding in examine(host or Host()):
        found.append(finding)
        if not as_json:
            for line in lines(finding, width, coloured):
                say(line)
    counts = {state: sum(one.state == state for one in found) for state in _MARKS}
    if as_json:
        say(json.dumps({"works": not counts[WRONG], "counts": counts, "findings": [one._asdict() for one in found]}, indent=2))
    else:
        say("doctor: " + ", ".join(f"{count} {state}" for state, count in counts.items()))
    return 1 if counts[WRONG] else 0


def lines(finding: Finding, width: int, coloured: bool = False) -> Iterable[str]:
    """A finding as text that fits the width: in columns, or on a narrow terminal one below the other. A remedy is never broken:
    it is to be copied.
    """
    mark, colour = _MARKS[finding.state]
    shown = typer.style(mark, fg=colour, bold=True if finding.state == WRONG else None) if coloured else mark
    padding, width = " " * (_MARK - len(mark)), min(width, _WIDEST)
    if width >= _WIDE:
        indent = _MARK + _NAME
        first = f"{shown}{padding}{finding.name:<{_NAME}}"
    else:
        indent = 2
        first = f"{shown}{padding}{finding.name}"
    text = _wrapped(finding.found, width - indent)
    if width >= _WIDE:
        yield first + text[0]
        text = text[1:]
    else:
        yield first
    yield from (" " * indent + line for line in text)
    if finding.cost:
        costs = _wrapped(finding.cost, width - indent - _LABEL)
        yield from (" " * indent + f"{'costs' if not n else '':<{_LABEL}}" + line for n, line in enumerate(costs))
    if finding.remedy:
        yield " " * indent + f"{'do':<{_LABEL}}{finding.remedy}"


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(width, 16), break_on_hyphens=False) or [""]
