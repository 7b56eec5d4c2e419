"""A Numba pipeline for parts of a program: typed and lowered, but not optimised or turned into machine code alone.

Numba makes machine code of every callee and optimises each callee again inside each caller. Parts are only linked; the entry point that reaches
them is optimised and emitted once, as a whole program. In the same place a float stored in an integer field is refused.
"""

from typing import Any

from numba.core import compiler, ir, types
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_lock import require_global_compiler_lock
from numba.core.compiler_machinery import register_pass
from numba.core.errors import NumbaTypeError
from numba.core.typed_passes import NativeLowering
from numba.core.untyped_passes import IRProcessing

from streams.kernel.refuse import Refuse

__all__ = ["PartCompiler"]


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


class _PartLibrary(JITCodeLibrary):
    """A library that links what it calls and stops there."""

    def finalize(self) -> None:
        require_global_compiler_lock()
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalized = True


@register_pass(mutates_CFG=True, analysis_only=False)
class _PartLowering(NativeLowering):
    _name = "part_lowering"

    def run_pass(self, state: Any) -> bool:
        _refuse_stores(state)
        state.library = library = _PartLibrary(state.targetctx.codegen(), state.func_id.func_qualname)
        library.enable_object_caching()
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
    """Numba's nopython pipeline with that lowering."""

    def define_pipelines(self) -> list[Any]:
        pm = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        pm.passes = [(_PartLowering if p is NativeLowering else p, d) for p, d in pm.passes]
        pm.add_pass_after(Refuse, IRProcessing)
        pm.finalize()
        return [pm]
