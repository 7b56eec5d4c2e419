"""Arrays and tables in compiled code: an index, a store, `n` and len, with bounds checks."""

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import NumbaTypeError
from numba.core.typing.templates import AbstractTemplate, AttributeTemplate, infer_getattr, signature
from numba.core.typing.templates import infer_global as _infer_global
from numba.extending import lower_builtin, lower_getattr_generic

from streams.kernel.native import CHECKED
from streams.kernel.prim import I64
from streams.kernel.typing_numba import ElementsType, load_scalar, pointer, store_scalar, value_type

__all__: list[str] = []

infer_global: Any = _infer_global


@infer_global(operator.getitem)
class _GetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        items, i = args
        if isinstance(items, ElementsType):
            _whole_index(i)
            return signature(value_type(items.elem), items, types.int64)
        return None


@infer_global(operator.setitem)
class _SetItem(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        items, i, value = args
        if not isinstance(items, ElementsType):
            return None
        _whole_index(i)
        if not isinstance(items.elem, str):
            raise NumbaTypeError(f"an item that is a {items.elem.__name__} lies in place: assign its fields")
        to = value_type(items.elem)
        if isinstance(value, types.Float) and not isinstance(to, types.Float):
            raise NumbaTypeError("cannot store a float in an integer item; use int()")
        return signature(types.none, items, types.int64, to)


@infer_global(len)
class _Len(AbstractTemplate):
    def generic(self, args: Any, kws: Any) -> Any:
        return signature(types.int64, *args) if isinstance(args[0], ElementsType) else None


@infer_getattr
class _Attributes(AttributeTemplate):
    key = ElementsType

    def generic_resolve(self, typ: ElementsType, attr: str) -> Any:
        if attr == "n":
            return types.int64
        raise NumbaTypeError(f"an Array or Table has no {attr!r} in compiled code; it has an index, a store, n and len()")


def _whole_index(i: Any) -> None:
    if isinstance(i, types.SliceType):
        raise NumbaTypeError("slices do not compile; write a loop over the index")
    if not isinstance(i, types.Integer | types.Boolean):
        raise NumbaTypeError(f"an index is a whole number, not {i}; use int()")


def _count(b: Any, typ: ElementsType, base: Any) -> Any:
    return ir.Constant(I64, typ.n) if typ.n is not None else load_scalar(b, pointer(b, base, 8), "i8")


def _element(context: Any, b: Any, typ: ElementsType, base: Any, i: Any) -> Any:
    """Address of element `i`; IndexError outside 0..n-1."""
    if CHECKED:
        with cgutils.if_unlikely(b, b.icmp_unsigned(">=", i, _count(b, typ, base))):
            context.call_conv.return_user_exc(b, IndexError, ("index is outside the table",))
    offset = b.mul(i, ir.Constant(I64, typ.step))
    if typ.n is None:
        offset = b.add(load_scalar(b, base, "i8"), offset)
    return pointer(b, base, offset)


@lower_getattr_generic(ElementsType)
def _get_attribute(context: Any, b: Any, typ: ElementsType, value: Any, attr: str) -> Any:
    return _count(b, typ, value)


@lower_builtin(len, ElementsType)
def _lower_len(context: Any, b: Any, sig: Any, args: Any) -> Any:
    return _count(b, sig.args[0], args[0])


@lower_builtin(operator.getitem, ElementsType, types.Integer)
def _lower_get(context: Any, b: Any, sig: Any, args: Any) -> Any:
    typ = sig.args[0]
    addr = _element(context, b, typ, args[0], args[1])
    return load_scalar(b, addr, typ.elem) if isinstance(typ.elem, str) else addr


@lower_builtin(operator.setitem, ElementsType, types.Integer, types.Any)
def _lower_set(context: Any, b: Any, sig: Any, args: Any) -> Any:
    typ = sig.args[0]
    addr = _element(context, b, typ, args[0], args[1])
    store_scalar(b, addr, typ.elem, args[2])
    return context.get_dummy_value()
