"""View: read and poke a packed Struct in place, for monitors, tests and whatever looks at compiled state."""

import struct
from typing import Any

import numpy as np

from streams.errors import KernelError
from streams.kernel.fields import FORMATS
from streams.kernel.items import exact
from streams.kernel.struct import StructMeta

__all__ = ["View"]


class View:
    """Fields of a flat form as attributes: numbers, numpy arrays (sharing the memory), or views of nested structs."""

    _cls: StructMeta
    _buf: memoryview
    _base: int

    def __init__(self, cls: StructMeta, buf: Any, base: int = 0) -> None:
        self.__dict__.update(_cls=cls, _buf=memoryview(buf).cast("B"), _base=base)

    def __getattr__(self, name: str) -> Any:
        f = self._cls._fields_.get(name)
        if f is None:
            raise AttributeError(f"{self._cls.__name__} has no field {name}")
        pos = self._base + f.offset
        if f.kind == "scalar":
            return struct.unpack_from(FORMATS[f.elem], self._buf, pos)[0]  # type: ignore[index]
        if f.kind == "struct":
            return View(f.elem, self._buf, pos)  # type: ignore[arg-type]
        start, n = pos, f.size
        if f.kind == "table":
            offset, n = struct.unpack_from("qq", self._buf, pos)
            start = pos + offset
        if isinstance(f.elem, str):
            return np.frombuffer(self._buf, f.elem, n, start)
        return [View(f.elem, self._buf, start + i * f.step) for i in range(n)]

    def __setattr__(self, name: str, value: Any) -> None:
        code = self._cls._codes_.get(name)
        if code is None:
            raise KernelError(f"{self._cls.__name__}.{name} is not a scalar field")
        struct.pack_into(FORMATS[code], self._buf, self._base + self._cls._fields_[name].offset, exact(code, value, name))

    def __repr__(self) -> str:
        return f"View({self._cls.__name__}: {', '.join(f'{k}={getattr(self, k)}' for k in self._cls._codes_)})"
