"""What Numba must know of Structs: their types, fields and methods, and what they call.

Imported at the first compile only; nothing here runs in a process that finds its objects on disk. Types are named by content (module,
class, fingerprint of the layout), because names are what symbols are made of: with Numba's per-process counters two objects compiled by
two processes can hold different code under one symbol, and loading both runs the wrong one without an error.
"""

import difflib
import functools
import inspect
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.core.datamodel.models import PrimitiveModel, handle_bound_function
from numba.core.datamodel.registry import register_default
from numba.core.errors import NumbaTypeError
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import lower_getattr_generic, lower_setattr_generic

from streams.kernel.fields import Field
from streams.kernel.layout import fingerprint
from streams.kernel.native import CHECKED
from streams.kernel.parts import PartCompiler
from streams.kernel.prim import I64
from streams.kernel.struct import Struct, StructMeta

__all__ = [
    "BYTE_POINTER",
    "JIT",
    "ElementsType",
    "StructType",
    "dispatcher_of",
    "load_scalar",
    "pointer",
    "store_scalar",
    "struct_type",
    "value_type",
]

JIT = {
    "error_model": "python",
    "boundscheck": CHECKED,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": PartCompiler,
}
BYTE_POINTER = ir.IntType(8).as_pointer()
_MEMORY = {
    "i8": ir.IntType(64),
    "i4": ir.IntType(32),
    "i2": ir.IntType(16),
    "i1": ir.IntType(8),
    "u1": ir.IntType(8),
    "b1": ir.IntType(8),
    "f8": ir.DoubleType(),
    "f4": ir.FloatType(),
}


class StructType(types.Type):
    """A pointer to a Struct in flat memory."""

    def __init__(self, cls: StructMeta) -> None:
        self.cls = cls
        super().__init__(f"{cls.__module__}.{cls.__qualname__}#{fingerprint(cls)[:8]}")

    @property
    def key(self) -> Any:
        return self.cls

    @property
    def mangling_args(self) -> tuple[str, tuple]:
        return self.name, ()


class ElementsType(types.Type):
    """A pointer to the elements of an Array (n fixed) or to the header of a Table (n None)."""

    def __init__(self, elem: Any, step: int, n: int | None) -> None:
        self.elem, self.step, self.n = elem, step, n
        shown = elem if isinstance(elem, str) else struct_type(elem).name
        super().__init__(f"Table({shown})" if n is None else f"Array({shown},{n})")

    @property
    def key(self) -> Any:
        return self.elem, self.n

    @property
    def mangling_args(self) -> tuple[str, tuple]:
        return self.name, ()


class BoundMethod(types.BoundFunction):
    """A method of a Struct with its receiver; typed and compiled as the plain function it is."""

    fn: FunctionType
    this: Any

    def __init__(self, fn: Any, this: Any) -> None:
        vars(self).update(fn=fn, this=this, typing_key=(fn, this), template=None)
        types.Type.__init__(self, f"{this.name}.{fn.__name__}")

    @property
    def key(self) -> Any:
        return self.fn, self.this

    def copy(self, this: Any) -> "BoundMethod":
        return BoundMethod(self.fn, this)

    def get_call_type(self, context: Any, args: Any, kws: Any) -> Any:
        key = (self.fn, self.this)
        if key in _typing_now:
            raise NumbaTypeError(f"{self.fn.__qualname__} calls itself; write a loop, compiled code has no recursion")
        _typing_now.append(key)
        try:
            sig = types.Dispatcher(dispatcher_of(self.fn)).get_call_type(context, (self.this, *args), kws)
        finally:
            _typing_now.pop()
        return sig and sig.as_method()

    def get_call_signatures(self) -> Any:
        return (), False

    def get_impl_key(self, sig: Any) -> Any:
        return dispatcher_of(self.fn).get_overload(sig.args)


_typing_now: list[Any] = []


class _PointerModel(PrimitiveModel):
    def __init__(self, dmm: Any, fe_type: Any) -> None:
        super().__init__(dmm, fe_type, BYTE_POINTER)


register_default(StructType)(_PointerModel)
register_default(ElementsType)(_PointerModel)
register_default(BoundMethod)(handle_bound_function)


@functools.cache
def struct_type(cls: StructMeta) -> StructType:
    """The Numba type of a Struct class."""
    return StructType(cls)


@functools.cache
def dispatcher_of(fn: Any) -> Any:
    """The compilable form of a plain function or method; one a function, linked into whoever calls it."""
    return njit(**JIT)(fn)


def value_type(elem: Any) -> Any:
    """What an element reads as: int64, float64 or boolean whatever its width, or a pointer to a Struct."""
    if not isinstance(elem, str):
        return struct_type(elem)
    return types.boolean if elem == "b1" else types.float64 if elem[0] == "f" else types.int64


def pointer(b: Any, base: Any, offset: Any) -> Any:
    """Address `offset` bytes (an int or an LLVM int64) after `base`."""
    return b.gep(base, [offset if isinstance(offset, ir.Value) else ir.Constant(I64, offset)])


def load_scalar(b: Any, addr: Any, code: str) -> Any:
    """The value at an address, widened."""
    word = b.load(b.bitcast(addr, _MEMORY[code].as_pointer()))
    if code == "b1":
        return b.icmp_unsigned("!=", word, ir.Constant(word.type, 0))
    if code == "f4":
        return b.fpext(word, ir.DoubleType())
    if code == "u1":
        return b.zext(word, I64)
    return word if code in ("i8", "f8") else b.sext(word, I64)


def store_scalar(b: Any, addr: Any, code: str, value: Any) -> None:
    """Store a value of `value_type`, narrowed."""
    memory = _MEMORY[code]
    if code == "b1":
        value = b.zext(value, memory)
    elif code == "f4":
        value = b.fptrunc(value, memory)
    elif code not in ("i8", "f8"):
        value = b.trunc(value, memory)
    b.store(value, b.bitcast(addr, memory.as_pointer()))


@infer_getattr
class _StructAttributes(AttributeTemplate):
    key = StructType

    def generic_resolve(self, typ: StructType, attr: str) -> Any:
        f = typ.cls._fields_.get(attr)
        if f is not None:
            return _field_type(f)
        fn = inspect.getattr_static(typ.cls, attr, None)
        if isinstance(fn, FunctionType) and fn is not getattr(Struct, attr, None):
            return BoundMethod(fn, typ)
        raise NumbaTypeError(f"{typ.cls.__name__} has no field or method {attr!r}; {_nearest(typ.cls, attr)}")


def _nearest(cls: StructMeta, attr: str) -> str:
    names = [
        *cls._fields_,
        *(n for n in dir(cls) if not n.startswith("_") and not hasattr(Struct, n) and isinstance(getattr(cls, n), FunctionType)),
    ]
    near = difflib.get_close_matches(attr, names, 1)
    return f"nearest is {near[0]!r}" if near else f"use one of: {', '.join(names)}"


def _field_type(f: Field) -> Any:
    if f.kind in ("scalar", "struct"):
        return value_type(f.elem)
    return ElementsType(f.elem, f.step, f.size if f.kind == "array" else None)


@lower_getattr_generic(StructType)
def _get_field(context: Any, b: Any, typ: StructType, value: Any, attr: str) -> Any:
    f = typ.cls._fields_[attr]
    addr = pointer(b, value, f.offset)
    return load_scalar(b, addr, f.elem) if f.kind == "scalar" else addr  # type: ignore[arg-type]


@lower_setattr_generic(StructType)
def _set_field(context: Any, b: Any, sig: Any, args: Any, attr: str) -> None:
    typ, value_typ = sig.args
    f = typ.cls._fields_[attr]
    value = context.cast(b, args[1], value_typ, value_type(f.elem))
    store_scalar(b, pointer(b, args[0], f.offset), f.elem, value)  # type: ignore[arg-type]
