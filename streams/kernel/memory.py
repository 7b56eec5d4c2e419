"""Object graph <-> flat memory. A struct lies first; its tables follow in the same block, each at 64 bytes, reached by an offset from the
field itself, so that a block can be copied, mapped at another address, shared or kept on disk as it is.
"""

import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from streams.errors import KernelError
from streams.kernel.fields import FORMATS, up
from streams.kernel.items import Items

__all__ = ["aligned", "measure", "pack", "unpack"]

_LINE = 64
_Visit = Callable[[memoryview, int, str, Any, Any], None]


def aligned(nbytes: int) -> Any:
    """A zeroed numpy array of bytes whose address is a multiple of 64."""
    raw = np.zeros(nbytes + _LINE, np.uint8)
    start = -raw.ctypes.data % _LINE
    return raw[start : start + nbytes]


def measure(obj: Any) -> int:
    """Bytes of the flat form of a Struct."""
    size = type(obj)._size_
    end = _walk(obj, 0, size, None, None)
    return end if end > up(size, _LINE) else size  # a struct without tables needs no more than itself


def pack(obj: Any, buf: Any = None) -> Any:
    """Write a Struct's flat form into `buf` or into a new aligned block; the buffer."""
    buf = aligned(measure(obj)) if buf is None else buf
    _walk(obj, 0, type(obj)._size_, _bytes(obj, buf), _store)
    return buf


def unpack(obj: Any, buf: Any) -> Any:
    """Read a flat form into a Struct made with the same sizes; the Struct. KernelError if a table has another size."""
    _walk(obj, 0, type(obj)._size_, _bytes(obj, buf), _load)
    return obj


def _bytes(obj: Any, buf: Any) -> memoryview:
    mem, need = memoryview(buf).cast("B"), measure(obj)
    if mem.nbytes < need:
        raise KernelError(f"{type(obj).__name__}: flat form takes {need} bytes, the buffer has {mem.nbytes}; were the sizes the same?")
    return mem


def _store(mem: memoryview, pos: int, code: str, obj: Any, name: Any) -> None:
    struct.pack_into(FORMATS[code], mem, pos, getattr(obj, name))


def _load(mem: memoryview, pos: int, code: str, obj: Any, name: Any) -> None:
    vars(obj)[name] = struct.unpack_from(FORMATS[code], mem, pos)[0]


def _walk(obj: Any, base: int, end: int, mem: memoryview | None, visit: _Visit | None) -> int:
    """Visit a struct at `base` whose tables go from `end` on; the new end."""
    flat = type(obj)._flat_
    if flat is not None:
        if visit is _store and mem is not None:
            values = vars(obj)
            flat.pack_into(mem, base, *[values[name] for name in type(obj)._codes_])
        elif visit is _load and mem is not None:
            vars(obj).update(zip(type(obj)._codes_, flat.unpack_from(mem, base), strict=True))
        return up(end, _LINE)
    end = up(end, _LINE)
    later: list[tuple[Any, int]] = []
    for name, f in type(obj)._fields_.items():
        pos = base + f.offset
        if f.kind == "scalar":
            if visit is not None and mem is not None:
                visit(mem, pos, f.elem, obj, name)
        elif f.kind == "struct":
            later.append((vars(obj)[name], pos))
        elif f.kind == "array":
            _items(vars(obj)[name], f.step, pos, mem, visit, later)
        else:
            items = vars(obj)[name]
            if mem is not None:
                _table_header(mem, pos, end - pos, items.n, visit, f"{type(obj).__name__}.{name}")
            end = _items(items, f.step, end, mem, visit, later)
    for sub, start in later:
        end = _walk(sub, start, end, mem, visit)
    return end


def _table_header(mem: memoryview, pos: int, offset: int, n: int, visit: _Visit | None, where: str) -> None:
    if visit is _store:
        struct.pack_into("qq", mem, pos, offset, n)
        return
    found = struct.unpack_from("qq", mem, pos)
    if found != (offset, n):
        raise KernelError(f"{where}: the flat form has {found[1]} elements, this object {n}; make it with the same sizes")


def _inline_items(items: Items, step: int, pos: int, mem: memoryview, visit: _Visit | None) -> None:
    """Visit Structs without tables. Those that nobody has asked for are alike, and are not made for it."""
    one = bytearray(step)
    _walk(items.elem(), 0, step, memoryview(one), _store)
    end = pos + items.n * step
    if visit is _store:
        mem[pos:end] = bytes(one) * items.n
        touched = [i for i, _ in items.made()]
    else:
        kept = {i for i, _ in items.made()}
        touched = [i for i, start in enumerate(range(pos, end, step)) if i in kept or mem[start : start + step] != one]
    for i in touched:
        _walk(items[i], pos + i * step, 0, mem, visit)


def _items(items: Items, step: int, pos: int, mem: memoryview | None, visit: _Visit | None, later: list[tuple[Any, int]]) -> int:
    if not isinstance(items.elem, str):
        if not items.elem._inline_:
            later.extend((x, pos + i * step) for i, x in enumerate(items.v))
        elif mem is not None and items.n:
            _inline_items(items, step, pos, mem, visit)
    elif mem is not None and items.n:
        flat = np.frombuffer(mem, items.elem, items.n, pos)
        if visit is _store:
            flat[:] = items.v
        else:
            items.v[:] = flat.tolist()
    return up(pos + items.n * step, _LINE)
