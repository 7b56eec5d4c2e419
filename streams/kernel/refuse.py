"""What compiled code may not use, refused at the user's line before Numba looks at types.

Two reasons: it needs the Python runtime (dict, list, text ...), or its result differs from the plain run's (literal powers, numpy
functions).
"""

import math
from types import ModuleType
from typing import Any

from numba.core import ir
from numba.core.compiler_machinery import FunctionPass, register_pass
from numba.core.errors import UnsupportedError

from streams.kernel.parity import UNEQUAL_MATH

__all__ = ["Refuse"]

_TABLE = 'use Table[int, "instruments"]'
_BUILT = {
    "build_map": f"'dict' cannot be used in compiled code; {_TABLE}",
    "build_list": "'list' cannot be used in compiled code; use a field Table[int, \"size\"] or Array[int, 16]",
    "build_set": f"'set' cannot be used in compiled code; {_TABLE}",
    "build_slice": "slices do not compile; write a loop over the index",
    "make_function": "a function or comprehension inside a method does not compile; write a loop, or a method",
    "yield": "generators do not compile; write a loop",
}
_TEXT = "text cannot be used in compiled code; keep numbers in fields and write text outside"
_GLOBALS = {
    dict: _BUILT["build_map"],
    list: _BUILT["build_list"],
    set: _BUILT["build_set"],
    str: _TEXT,
    print: "print does not compile; set a breakpoint or print in a plain run",
    isinstance: "isinstance does not compile; a field has one type",
    getattr: "getattr does not compile; name the field",
    setattr: "setattr does not compile; name the field",
    super: "super() does not compile; call the base's method under another name",
    sorted: "sorted does not compile; keep a Table in order",
    sum: "sum does not compile; write a loop",
}


@register_pass(mutates_CFG=False, analysis_only=True)
class Refuse(FunctionPass):
    """Raises UnsupportedError, with a remedy, at the first construct that is not allowed."""

    _name = "millrace_refuse"

    def __init__(self) -> None:
        FunctionPass.__init__(self)

    def run_pass(self, state: Any) -> bool:
        func_ir = state.func_ir
        constants: dict[str, Any] = {}
        for block in func_ir.blocks.values():
            for st in block.body:
                if isinstance(st, ir.EnterWith):
                    raise UnsupportedError("with does not compile; there is nothing to close in compiled code", loc=st.loc)
                if isinstance(st, ir.Assign):
                    cause = _cause(st.value, constants)
                    if cause:
                        raise UnsupportedError(cause, loc=st.loc)
                    if isinstance(st.value, ir.Const | ir.Global | ir.FreeVar):
                        constants[st.target.name] = st.value.value
        return False


def _cause(value: Any, constants: dict[str, Any]) -> str | None:
    if isinstance(value, ir.Global | ir.FreeVar):
        return _global(value)
    if not isinstance(value, ir.Expr):
        return None
    if value.op in ("binop", "inplace_binop") and value.fn.__name__ in ("pow", "ipow") and value.rhs.name in constants:
        n = constants[value.rhs.name]
        instead = "math.sqrt(x)" if n == 0.5 else "x * x" if n == 2 else "a product"
        return f"a literal power (** {n}) differs between plain and compiled runs; write {instead}"
    if value.op == "getattr":
        owner = constants.get(value.value.name)
        if owner is math and value.attr in UNEQUAL_MATH:
            return f"math.{value.attr} differs between plain and compiled runs; {UNEQUAL_MATH[value.attr]}"
        if isinstance(owner, ModuleType) and owner.__name__.partition(".")[0] == "numpy":
            return _numpy(value.attr)
    return _BUILT.get(value.op)


def _global(value: Any) -> str | None:
    held = value.value
    if held is ir.UNDEFINED:
        return f"name {value.name!r} is not defined; define or import it in the module"
    if value.name == "mark_try_block":
        return "try does not compile; test the condition before (an error halts the strategy in both runs)"
    if callable(held) and str(getattr(held, "__module__", "")).partition(".")[0] == "numpy":
        return _numpy(value.name)
    try:
        return _GLOBALS.get(held)
    except TypeError:  # unhashable, so none of these
        return None


def _numpy(name: str) -> str:
    return f"numpy.{name} cannot be used in compiled code; use math, or write a loop"
