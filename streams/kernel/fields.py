"""Field types of a Struct: what may stand in an annotation, and how it lies in memory.

    best: int                       int64            flag: bool          one byte, 0 or 1
    px: float                       float64          hash: Array[U8, 16] inline, 16 bytes
    shard: I32                      4 bytes          q: Table[int, "window"]   elsewhere in the block, sized at construction
    risk: RiskNode                  another Struct, inline

Whatever its width, an integer field reads as a Python int or int64 and a float field as a float or float64: only a store knows the width.
"""

import struct
import sys
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, get_args, get_origin

from streams.errors import KernelError

if TYPE_CHECKING:
    from streams.kernel.struct import StructMeta

__all__ = ["F32", "FORMATS", "I8", "I16", "I32", "LIMITS", "NULL", "SIZES", "U8", "Array", "Field", "Table", "evaluate", "field_of", "up"]

I8 = Annotated[int, "i1"]
I16 = Annotated[int, "i2"]
I32 = Annotated[int, "i4"]
U8 = Annotated[int, "u1"]
F32 = Annotated[float, "f4"]

NULL = -(1 << 63)
"""Null of an int64 field: the smallest int64."""

FORMATS = {"i8": "q", "i4": "i", "i2": "h", "i1": "b", "u1": "B", "f8": "d", "f4": "f", "b1": "?"}
SIZES = {code: struct.calcsize(fmt) for code, fmt in FORMATS.items()}
LIMITS = {
    "i8": (-(1 << 63), (1 << 63) - 1),
    "i4": (-(1 << 31), (1 << 31) - 1),
    "i2": (-(1 << 15), (1 << 15) - 1),
    "i1": (-128, 127),
    "u1": (0, 255),
}
_PLAIN = {int: "i8", float: "f8", bool: "b1"}
_TABLE_BYTES = 16  # offset of the elements from the field itself, number of elements


class _Sized:
    """What Array and Table share: an element type and a size. Indexing in a checker's eyes gives Any."""

    def __init__(self, elem: Any, size: Any) -> None:
        self.elem, self.size = elem, size

    if TYPE_CHECKING:
        n: int

        def __class_getitem__(cls, item: Any) -> Any: ...
        def __getitem__(self, index: int) -> Any: ...
        def __setitem__(self, index: int, value: Any) -> None: ...
        def __len__(self) -> int: ...
    else:

        def __class_getitem__(cls, item):
            if not isinstance(item, tuple) or len(item) != 2:
                raise KernelError(
                    f"{cls.__name__}[...] takes an element type and a size, as in {cls.__name__}[int, {cls.example}]; found {item!r}"
                )
            return cls(*item)


class Array(_Sized):
    """Inline array field: Array[elem, n]; `n` elements, fixed in the layout. elem: a scalar type or a Struct."""

    example = "16"


class Table(_Sized):
    """Array outside the struct, in the same block: Table[elem, "size"]; the size is an expression over the sizes given at construction."""

    example = '"window"'


@dataclass(frozen=True, slots=True)
class Field:
    """One field: where it lies and what it holds.

    kind: "scalar", "struct", "array" or "table"; elem: a code of FORMATS or a Struct class; size: elements of an array (int) or of a table
    (expression); nbytes: inline bytes.
    """

    name: str
    kind: str
    elem: "str | StructMeta"
    size: Any
    nbytes: int
    align: int
    default: Any
    offset: int = 0

    @property
    def step(self) -> int:
        """Bytes of one element."""
        return SIZES[self.elem] if isinstance(self.elem, str) else self.elem._size_


def up(value: int, align: int) -> int:
    """`value` rounded up to a multiple of `align`."""
    return -(-value // align) * align


def evaluate(annotation: Any, module: str, frame: FrameType | None, where: str) -> Any:
    """The annotation itself; a string is looked up where its class was written. KernelError if a name is not found."""
    if not isinstance(annotation, str):
        return annotation
    scope = dict(frame.f_locals) if frame is not None else {}
    try:
        return eval(annotation, dict(vars(sys.modules[module])), scope)
    except Exception as e:
        raise KernelError(
            f"{where}: annotation {annotation!r} cannot be evaluated ({e}); use names of {module}, and a table's size in quotes"
        ) from e


def field_of(name: str, annotation: Any, default: Any, where: str) -> Field:
    """The field that an annotation describes, not placed yet. KernelError if the type cannot be a field."""
    if isinstance(annotation, Array):
        elem = _elem(annotation.elem, where)
        if type(annotation.size) is not int or annotation.size <= 0:
            raise KernelError(f"{where}: Array has size {annotation.size!r}; it needs a whole number above 0, or use Table[elem, 'size']")
        step, align = _bytes(elem)
        return Field(name, "array", elem, annotation.size, step * annotation.size, align, None)
    if isinstance(annotation, Table):
        return Field(name, "table", _elem(annotation.elem, where), str(annotation.size), _TABLE_BYTES, 8, None)
    elem = _elem(annotation, where)
    size, align = _bytes(elem)
    return Field(name, "scalar" if isinstance(elem, str) else "struct", elem, None, size, align, default)


def _elem(annotation: Any, where: str) -> "str | StructMeta":
    if get_origin(annotation) is Annotated:
        for code in get_args(annotation)[1:]:
            if isinstance(code, str) and code in FORMATS:
                return code
    if isinstance(annotation, type):
        if annotation in _PLAIN:
            return _PLAIN[annotation]
        if hasattr(annotation, "_size_"):
            return annotation  # type: ignore[return-value]
    shown = annotation.__name__ if isinstance(annotation, type) else repr(annotation)
    raise KernelError(
        f"{where}: {shown} cannot be a field; use int, float, bool, I8, I16, I32, U8, F32, a Struct with fields, Array[...] or Table[...]"
    )


def _bytes(elem: "str | StructMeta") -> tuple[int, int]:
    return (SIZES[elem], SIZES[elem]) if isinstance(elem, str) else (elem._size_, elem._align_)
