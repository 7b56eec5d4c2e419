"""A Numba pipeline for parts of a program: typed and lowered, but not optimised or turned into machine code alone.

Numba makes machine code of every callee and optimises each callee again inside each caller. Parts are only linked; the entry point that
reaches them is optimised and emitted once, as a whole program. In the same place a float stored in an integer field is refused.
"""

from collections.abc import Iterator
from typing import Any

from numba.core import compiler, ir, types
from numba.core.codegen import CPUCodeLibrary, JITCodeLibrary
from numba.core.compiler_lock import require_global_compiler_lock
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.errors import NumbaTypeError
from numba.core.typed_passes import IRLegalization, NativeLowering, NoPythonBackend, NopythonTypeInference, PreLowerStripPhis
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    RewriteDynamicRaises,
    TranslateByteCode,
)

from streams.kernel.refuse import Refuse

__all__ = ["PartCompiler", "PartLibrary"]


def _refuse_stores(state: Any) -> None:
    """Numba stores a float in an integer field by truncation; plain Python refuses it, so refuse it here too, and whatever is no number."""
    for block in state.func_ir.blocks.values():
        for st in block.body:
            if isinstance(st, ir.SetAttr):
                target, value = state.typemap[st.target.name], state.typemap[st.value.name]
                cause = _bad_store(target, st.attr, value)
                if cause:
                    raise NumbaTypeError(cause, loc=st.loc)


def _bad_store(target: Any, attr: str, value: Any) -> str | None:
    f = target.cls._fields_.get(attr) if hasattr(target, "cls") else None
    if f is None:
        return None
    if f.kind != "scalar":
        return f"{target.cls.__name__}.{attr} lies in place; assign its fields or items"
    if isinstance(value, types.Float) and f.elem[0] in "iub":
        return f"cannot store a float in the integer field {attr!r}; use int()"
    if not isinstance(value, types.Number | types.Boolean | types.Optional):
        return f"cannot store {value} in the field {attr!r}; store a number"
    return None


class PartLibrary(JITCodeLibrary):
    """A library that holds one function and remembers what it calls; nothing is optimised or linked yet."""

    def add_llvm_module(self, ll_module: Any) -> None:
        self._final_module.link_in(ll_module)

    def finalize(self) -> None:
        require_global_compiler_lock()
        self._raise_if_finalized()
        self._finalized = True

    def reached(self) -> Iterator[CPUCodeLibrary]:
        """This library and all that it calls, directly or not, each once."""
        seen: dict[CPUCodeLibrary, None] = {self: None}
        todo: list[CPUCodeLibrary] = [self]
        while todo:
            library = todo.pop()
            yield library
            new = [x for x in library._linking_libraries if isinstance(library, PartLibrary) and x not in seen]
            seen.update(dict.fromkeys(new))
            todo += dict.fromkeys(new)


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        _refuse_stores(state)
        state.library = library = PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        state.flags.no_compile = False
        library._ensure_finalized()
        low = state["cr"]
        key = [].append  # a unique builtin in place of the callable: parts are never called from Python
        state.targetctx.insert_user_function(key, low.fndesc, [library])
        state["cr"] = compiler._LowerResult(low.fndesc, low.call_helper, cfunc=key, env=low.env)
        return True


class PartCompiler(compiler.CompilerBase):
    """Numba's nopython pipeline with that lowering, without the passes that our subset of Python does not need (half of its time)."""

    def define_pipelines(self) -> list[Any]:
        pm = PassManager("millrace_parts")
        for step in _STEPS:
            pm.add_pass(step, step.__name__)
        pm.finalize()
        return [pm]


_STEPS = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    Refuse,
    DeadBranchPrune,
    GenericRewrites,
    RewriteDynamicRaises,
    ReconstructSSA,
    NopythonTypeInference,
    PreLowerStripPhis,
    IRLegalization,
    _PartLowering,
    NoPythonBackend,
)
