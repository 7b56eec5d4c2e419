"""Elements of an array or table in plain Python: indices and stored values are checked as the declared type demands."""

import struct as _struct
from collections.abc import Callable, Iterator
from typing import Any

from streams.kernel.fields import LIMITS

__all__ = ["Items", "exact"]

_F32 = _struct.Struct("<f")


class Items:
    """Array or table of a plain object. Index 0 <= i < n, else IndexError: a negative index would read other memory when compiled."""

    __slots__ = ("_make", "_v", "elem", "n")

    def __init__(self, elem: Any, n: int, make: Callable[[], Any] | None) -> None:
        self.elem, self.n = elem, n
        self._make = make
        self._v: list[Any] | None = None

    @property
    def v(self) -> list[Any]:
        """The elements, all of them made."""
        found = self._begun()
        if self._make is not None:
            for i, x in enumerate(found):
                if x is None:
                    found[i] = self._make()
        return found

    def made(self) -> list[tuple[int, Any]]:
        """The Structs that somebody has asked for, each with its index. All others are as they are made."""
        return [(i, x) for i, x in enumerate(self._v or ()) if x is not None]

    def _begun(self) -> list[Any]:
        """Scalars, or None for a Struct that nobody has asked for: most of a pool's are only made to be packed."""
        if self._v is None:
            zero = 0.0 if self.elem in ("f8", "f4") else False if self.elem == "b1" else 0
            self._v = [None if self._make is not None else zero] * self.n
        return self._v

    def __getitem__(self, i: int) -> Any:
        if i < 0 or i >= self.n:
            raise IndexError(f"index {i} is outside 0..{self.n - 1}")
        v = self._v if self._v is not None else self._begun()
        found = v[i]
        if found is None and self._make is not None:
            found = v[i] = self._make()
        return found

    def __setitem__(self, i: int, value: Any) -> None:
        if i < 0 or i >= self.n:
            raise IndexError(f"index {i} is outside 0..{self.n - 1}")
        if not isinstance(self.elem, str):
            raise TypeError(f"item {i} is a {self.elem.__name__}: assign its fields, it lies in place")
        self._begun()[i] = exact(self.elem, value, "item")

    def __len__(self) -> int:
        return self.n

    def __iter__(self) -> Iterator[Any]:
        return iter(self.v)

    def __repr__(self) -> str:
        shown = ", ".join(map(repr, self.v[:8]))
        return f"[{shown}{', ...' if self.n > 8 else ''}]({self.n})"


def exact(code: str, value: Any, name: str) -> Any:
    """The value as memory of type `code` holds it. TypeError or OverflowError where compiled code would truncate or wrap."""
    if code in LIMITS:
        if type(value) is not int:
            value = _whole(value, code, name)
        low, high = LIMITS[code]
        if not low <= value <= high:
            raise OverflowError(f"{name}: {value} does not fit {code} ({low}..{high})")
        return value
    if code == "b1":
        if isinstance(value, float) or value not in (0, 1):
            raise OverflowError(f"{name}: {value!r} does not fit a bool (False or True)")
        return bool(value)
    value = float(value)
    return _F32.unpack(_F32.pack(value))[0] if code == "f4" else value


def _whole(value: Any, code: str, name: str) -> int:
    if isinstance(value, float) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: {type(value).__name__} stored in an integer field ({code}); use int()")
    return int(value)
