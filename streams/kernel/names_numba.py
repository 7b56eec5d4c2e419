"""What Numba must know of the names in compiled code: Struct classes, IntEnums, plain functions, `at` and `addr_of`, primitives."""

import enum
import inspect
from types import FunctionType
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import NumbaTypeError
from numba.core.imputils import lower_constant
from numba.core.registry import cpu_target
from numba.core.typing.templates import AttributeTemplate, infer_getattr
from numba.extending import lower_builtin, lower_getattr_generic, models, register_model, type_callable, typeof_impl

from streams.kernel.address import addr_of, at
from streams.kernel.prim import I64, PRIMITIVES, Primitive
from streams.kernel.struct import StructMeta
from streams.kernel.typing_numba import BYTE_POINTER, StructType, dispatcher_of, struct_type

__all__ = ["register_primitives"]


class ClassRef(types.Opaque):
    """A Struct class by name, as `at` takes it."""

    def __init__(self, cls: StructMeta) -> None:
        self.cls = cls
        super().__init__(f"class({struct_type(cls).name})")

    @property
    def key(self) -> Any:  # not the name: a class that is imported again after a change has the same
        return self.cls


class EnumRef(types.Opaque):
    """An IntEnum class; its members are int64 constants."""

    def __init__(self, cls: type[enum.IntEnum]) -> None:
        self.cls = cls
        super().__init__(f"enum({cls.__module__}.{cls.__qualname__})")

    @property
    def key(self) -> Any:
        return self.cls


register_model(ClassRef)(models.OpaqueModel)
register_model(EnumRef)(models.OpaqueModel)


@typeof_impl.register(StructMeta)
def _typeof_struct_class(value: StructMeta, c: Any) -> ClassRef:
    return ClassRef(value)


def _lookup_global(value: Any) -> Any:
    context: Any = cpu_target.typing_context
    return context._lookup_global(value)


@typeof_impl.register(FunctionType)
def _typeof_function(value: FunctionType, c: Any) -> Any:
    known = _lookup_global(value)  # at, addr_of, primitives, what Numba overloads
    return known or types.Dispatcher(dispatcher_of(value))


@typeof_impl.register(enum.IntEnum)
def _typeof_member(value: enum.IntEnum, c: Any) -> Any:
    return types.int64


_typeof_enum = typeof_impl.dispatch(enum.EnumMeta)


@typeof_impl.register(enum.EnumMeta)
def _typeof_enum_class(value: enum.EnumMeta, c: Any) -> Any:
    return EnumRef(value) if issubclass(value, enum.IntEnum) else _typeof_enum(value, c)


@infer_getattr
class _EnumAttributes(AttributeTemplate):
    key = EnumRef

    def generic_resolve(self, typ: EnumRef, attr: str) -> Any:
        if attr in typ.cls.__members__:
            return types.int64
        raise NumbaTypeError(f"{typ.cls.__name__} has no member {attr!r}; members: {', '.join(typ.cls.__members__)}")


@lower_getattr_generic(EnumRef)
def _get_member(context: Any, b: Any, typ: EnumRef, value: Any, attr: str) -> Any:
    return ir.Constant(I64, int(typ.cls[attr]))


@lower_constant(EnumRef)
@lower_constant(ClassRef)
def _no_value(context: Any, b: Any, typ: Any, value: Any) -> Any:
    return context.get_dummy_value()


@type_callable(at)
def _type_at(context: Any) -> Any:
    def typer(cls: Any, addr: Any) -> Any:
        if isinstance(cls, ClassRef) and isinstance(addr, types.Integer):
            return struct_type(cls.cls)
        return None

    return typer


@lower_builtin(at, ClassRef, types.Integer)
def _lower_at(context: Any, b: Any, sig: Any, args: Any) -> Any:
    return b.inttoptr(context.cast(b, args[1], sig.args[1], types.int64), BYTE_POINTER)


@type_callable(addr_of)
def _type_addr_of(context: Any) -> Any:
    def typer(struct: Any) -> Any:
        return types.int64 if isinstance(struct, StructType) else None

    return typer


@lower_builtin(addr_of, StructType)
def _lower_addr_of(context: Any, b: Any, sig: Any, args: Any) -> Any:
    return b.ptrtoint(args[0], I64)


def _register(p: Primitive) -> None:
    @type_callable(p.python)
    def types_of(context: Any) -> Any:
        def typer(*args: Any) -> Any:
            if len(args) == p.nargs and all(isinstance(a, types.Integer | types.Boolean) for a in args):
                return types.int64 if p.returns else types.none
            return None

        typer.__signature__ = inspect.signature(p.python)  # type: ignore[attr-defined]
        return typer

    @lower_builtin(p.python, *[types.Any] * p.nargs)
    def lower(context: Any, b: Any, sig: Any, args: Any) -> Any:
        value = p.llvm(b, *[context.cast(b, a, t, types.int64) for a, t in zip(args, sig.args, strict=True)])
        return value if p.returns else context.get_dummy_value()


_registered: set[Any] = set()


def register_primitives() -> None:
    """Tell Numba of the primitives that were defined since the last call: a module of them may be imported after the first compilation."""
    for p in [p for p in PRIMITIVES.values() if p.python not in _registered]:
        _registered.add(p.python)
        _register(p)


register_primitives()
