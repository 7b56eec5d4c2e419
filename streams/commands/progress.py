"""How far something long has come: a bar on a terminal, a plain line now and then elsewhere. On stderr: stdout is for results."""

import sys
import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

__all__ = ["Bar", "duration_text", "note", "rate_text"]

_LINE_S = 2.0
_DRAW_S = 0.1


class Bar:
    """Use in a `with` block; `update` is cheap, however often it is called.

    label : what goes on
    unit  : what is counted
    say   : takes a plain line where there is no terminal; None: nothing is shown at all
    """

    def __init__(self, label: str, unit: str, say: Callable[[str], None] | None) -> None:
        self.label, self.unit, self._say = label, unit, say
        self._began_s = time.monotonic()
        self._due_s = self._began_s + _LINE_S
        self._bar = self._made() if say is not None and sys.stderr.isatty() else None
        if self._bar is not None:
            self._task = self._bar.add_task(label, total=1.0, rate="", left="")

    def __enter__(self) -> "Bar":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, done: float, count: int) -> None:
        """So much of the whole is done, 0..1 (negative: not known), and so many units."""
        now_s = time.monotonic()
        if now_s < self._due_s and (self._bar is None or self._bar.finished):
            return
        passed_s = max(now_s - self._began_s, 1e-9)
        left = f"{duration_text(passed_s * (1 - done) / done)} left" if 0.001 < done < 1 else ""
        words = f"{count:,} {self.unit}   {rate_text(count / passed_s, self.unit)}"
        if self._bar is not None:
            self._bar.update(self._task, completed=max(0.0, done), rate=words, left=left)
        elif self._say is not None:
            self._due_s = now_s + _LINE_S
            share = f"{done:>4.0%}   " if done >= 0 else ""
            self._say(f"{self.label}   {share}{words}   {left}".rstrip())

    def _made(self) -> Progress:
        columns: tuple[ProgressColumn, ...] = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            _Share(),
            _Field("rate"),
            _Field("left"),
        )
        return Progress(*columns, console=Console(stderr=True), refresh_per_second=1 / _DRAW_S, transient=True)


class _Share(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.percentage:>3.0f} %")


class _Field(ProgressColumn):
    def __init__(self, name: str) -> None:
        self._name = name
        super().__init__()

    def render(self, task: Task) -> Text:
        return Text(task.fields[self._name], no_wrap=True)


def note(text: str) -> None:
    """A line for people, at once, on stderr."""
    print(text, file=sys.stderr, flush=True)


def rate_text(per_s: float, unit: str = "events") -> str:
    """A rate for people.

    >>> rate_text(18_240_000), rate_text(93_954), rate_text(2.5, "points")
    ('18.2 M events/s', '94 k events/s', '2.5 points/s')
    """
    for size, name in ((1e6, " M"), (1e3, " k")):
        if per_s >= size:
            shown = per_s / size
            return f"{shown:.1f}{name} {unit}/s" if shown < 20 else f"{shown:.0f}{name} {unit}/s"
    return f"{per_s:.1f} {unit}/s"


def duration_text(seconds: float) -> str:
    """A time span for people.

    >>> duration_text(0.034), duration_text(42), duration_text(200), duration_text(7300)
    ('0.03 s', '42 s', '3 min 20 s', '2 h 1 min')
    """
    if seconds < 10:
        return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
