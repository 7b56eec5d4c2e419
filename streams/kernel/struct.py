"""Struct: a class of typed fields that runs as plain objects or compiled on flat memory.

Plain: an instance is an ordinary object and its methods are ordinary methods (debugger, coverage, tests); each store is checked against the
declared width, each index against its bounds. Compiled: an instance is a pointer into flat memory and the same methods become machine code.
`pack` writes the object graph as that memory and `unpack` reads it back, so both runs start from one state and their ends compare by bytes.
"""

import inspect
import struct
import sys
from typing import Any, ClassVar

from streams.errors import KernelError
from streams.kernel import memory
from streams.kernel.fields import FORMATS, Field, evaluate, field_of, up
from streams.kernel.items import Items, exact

__all__ = ["Struct", "StructMeta"]

_RESERVED = frozenset({"pack", "unpack", "nbytes"})


class StructMeta(type):
    """Lays out the fields of a Struct class: those of its base first, then its own in the order written."""

    _fields_: dict[str, Field]
    _codes_: dict[str, str]  # scalar fields only: name -> code
    _words_: frozenset[str]  # int64 fields
    _parts_: list[Field]  # fields that are no scalars
    _starts_: dict[str, Any] | None  # what the scalar fields begin with, once an object was made
    _size_: int
    _align_: int
    _end_: int
    _flat_: struct.Struct | None  # scalars only: all fields at once
    _inline_: bool  # no table, nor in what is nested in it
    _may_be_empty_: bool  # set on a base whose subclasses need no fields of their own

    def __new__(mcs, name: str, bases: tuple[type, ...], ns: dict[str, Any], align: int = 8) -> "StructMeta":
        cls = super().__new__(mcs, name, bases, ns)
        parents = [b for b in bases if getattr(b, "_fields_", None)]
        if len(parents) > 1:
            raise KernelError(f"{cls.__module__}.{name}: {' and '.join(p.__name__ for p in parents)} have fields; only one base may")
        fields: dict[str, Field] = dict(parents[0]._fields_) if parents else {}
        _place(cls, fields, ns, parents[0]._end_ if parents else 0, sys._getframe(1))
        cls._fields_ = fields
        cls._codes_ = {f.name: f.elem for f in fields.values() if f.kind == "scalar"}  # type: ignore[misc]
        cls._words_ = frozenset(name for name, code in cls._codes_.items() if code == "i8")
        cls._parts_ = [f for f in fields.values() if f.kind != "scalar"]
        cls._starts_ = None
        cls._inline_ = all(f.kind != "table" and (isinstance(f.elem, str) or f.elem._inline_) for f in cls._parts_)
        cls._align_ = max([align, *(p._align_ for p in parents), *(f.align for f in fields.values())])
        cls._end_ = max((f.offset + f.nbytes for f in fields.values()), default=0)
        if fields or getattr(cls, "_may_be_empty_", False):
            cls._size_ = max(up(cls._end_, cls._align_), cls._align_)
            cls._flat_ = _flat_format(fields) if len(cls._codes_) == len(fields) else None
        return cls


def _place(cls: StructMeta, fields: dict[str, Field], ns: dict[str, Any], end: int, frame: Any) -> None:
    """Append the class's own fields after `end`, each at its alignment."""
    for name, annotation in inspect.get_annotations(cls).items():
        where = f"{cls.__module__}.{cls.__qualname__}.{name}"
        annotation = evaluate(annotation, cls.__module__, frame, where)
        if getattr(annotation, "__origin__", annotation) is ClassVar:
            continue
        if name in fields or name in _RESERVED or name.startswith("_"):
            taken = "the base class has it already" if name in fields else "the name is reserved"
            raise KernelError(f"{where}: {taken}; choose another field name")
        f = field_of(name, annotation, ns.get(name, 0), where)
        offset = up(end, f.align)
        fields[name] = Field(f.name, f.kind, f.elem, f.size, f.nbytes, f.align, f.default, offset)
        end = offset + f.nbytes


def _flat_format(fields: dict[str, Field]) -> struct.Struct:
    """All fields of a class without nested ones, the bytes between them skipped."""
    fmt, end = "<", 0
    for f in fields.values():
        fmt += f"{f.offset - end}x{FORMATS[f.elem]}"  # type: ignore[index]
        end = f.offset + f.nbytes
    return struct.Struct(fmt)


class Struct(metaclass=StructMeta):
    """Base of every class that runs plain or compiled; see the module. `sizes` gives the names that its tables' sizes use.

    >>> class Level(Struct):
    ...     px_ticks: int
    ...     qty_lots: int = 1
    >>> Level(px_ticks=5)
    Level(px_ticks=5, qty_lots=1)
    """

    def __init__(self, sizes: dict[str, int] | None = None, **values: Any) -> None:
        cls, own = type(self), vars(self)
        own.update(cls._starts_ if cls._starts_ is not None else _starts(cls))
        for f in cls._parts_:
            if f.kind == "struct":
                own[f.name] = f.elem(sizes)  # type: ignore[operator]
            else:
                make = None if isinstance(f.elem, str) else lambda elem=f.elem: elem(sizes)
                own[f.name] = Items(f.elem, f.size if f.kind == "array" else _table_size(cls, f, sizes or {}), make)
        if values:
            if not values.keys() <= cls._codes_.keys():
                unknown = [name for name in values if name not in cls._codes_]
                raise TypeError(f"{cls.__name__} has no field {', '.join(unknown)}; fields: {', '.join(cls._fields_)}")
            for name, value in values.items():
                setattr(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        if type(value) is int and name in self._words_ and -0x8000000000000000 <= value <= 0x7FFFFFFFFFFFFFFF:
            self.__dict__[name] = value  # type: ignore[index]  # nearly every store
            return
        code = type(self)._codes_.get(name)
        if code is None:
            what = "lies in place: assign its fields or items" if name in type(self)._fields_ else "is not a field"
            raise AttributeError(f"{type(self).__name__}.{name} {what}")
        vars(self)[name] = exact(code, value, name)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={getattr(self, k)!r}' for k in type(self)._codes_)})"

    def nbytes(self) -> int:
        """Bytes of the flat form, tables included."""
        return memory.measure(self)

    def pack(self, buf: Any = None) -> Any:
        """The flat form: in `buf` (at least nbytes(), 8-byte aligned), or in a new 64-byte aligned numpy array of bytes."""
        return memory.pack(self, buf)

    def unpack(self, buf: Any) -> Any:
        """Take every value from a flat form of the same layout and sizes; the object itself."""
        return memory.unpack(self, buf)


def _starts(cls: StructMeta) -> dict[str, Any]:
    cls._starts_ = {name: exact(code, cls._fields_[name].default, name) for name, code in cls._codes_.items()}
    return cls._starts_


def _table_size(cls: StructMeta, f: Field, sizes: dict[str, int]) -> int:
    try:
        n = eval(f.size, {"__builtins__": {}, "min": min, "max": max}, sizes)
    except Exception as e:
        raise KernelError(
            f"{cls.__module__}.{cls.__name__}.{f.name}: size {f.size!r} cannot be computed ({e}); sizes given: {sizes or 'none'}"
        ) from None
    if type(n) is not int or n < 0:
        raise KernelError(f"{cls.__module__}.{cls.__name__}.{f.name}: size {f.size!r} is {n!r}; a whole number from 0 is needed")
    return n
