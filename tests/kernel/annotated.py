"""The classes of test_struct with annotations that are strings (in which ruff would unquote the sizes of tables)."""

from __future__ import annotations

from streams.kernel import F32, I8, I16, I32, NULL, U8, Array, Struct, Table


class Level(Struct):
    px_ticks: int = NULL
    qty_lots: I32 = 1


class Book(Struct, align=64):
    count: I8
    ratio: F32
    flag: bool
    top: Level
    tags: Array[U8, 3]
    lots: Table[I16, "n"]  # noqa: UP037
    levels: Table[Level, "max(2 * n, 1)"]  # noqa: UP037

    def best(self) -> int:
        return self.top.px_ticks


def local() -> type[Struct]:
    """A class whose annotation names a class of this function."""

    class Inner(Struct):
        n: int

    class Outer(Struct):
        inner: Inner

    return Outer
