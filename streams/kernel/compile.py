"""One object file from a group of entry points: the whole program they reach, optimised once, every other symbol internal.

Imports Numba: only `native.load` calls it, and only when no object is on disk.
"""

import contextlib
import inspect
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import llvmlite.binding as ll
from numba import njit, types
from numba.core import config
from numba.core.errors import NumbaTypeError, NumbaWarning

from streams.errors import KernelError
from streams.kernel import elements_numba, names_numba
from streams.kernel.native import FAULT
from streams.kernel.typing_numba import JIT

__all__ = ["compile_object"]

_WARN = "ALWAYS_WARN_UNINIT_VAR"  # Numba's option, not in its type stubs
# a constant table is an array to Numba, which counts references to it; nothing that needs counting can be made (checked below)
_NO_COUNTS = """
define void @NRT_incref(ptr %p) { ret void }
define void @NRT_decref(ptr %p) { ret void }
"""
_registered = (elements_numba,)  # imported for what it registers


def compile_object(entries: Mapping[str, tuple[Callable[..., int], int]]) -> bytes:
    """Machine code of {name: (function of int64 arguments, their number)} for this processor."""
    names_numba.register_primitives()
    ll.initialize_native_target()
    ll.initialize_native_asmprinter()
    triple = ll.get_process_triple()
    module = ll.parse_assembly(f'target triple = "{triple}"\n')
    linked: set[Any] = set()
    with _uninitialized_refused():
        for name, (fn, nargs) in entries.items():
            _link_entry(module, name, fn, nargs, linked)
    module.link_in(ll.parse_assembly(_NO_COUNTS))
    _internalise(module, set(entries))
    machine = ll.Target.from_triple(triple).create_target_machine(
        cpu=ll.get_host_cpu_name(), features=ll.get_host_cpu_features().flatten(), opt=3, reloc="pic", codemodel="default"
    )
    module.triple, module.data_layout = triple, str(machine.target_data)
    passes = ll.create_pass_builder(machine, ll.create_pipeline_tuning_options(speed_level=2))
    passes.getModulePassManager().run(module, passes)
    module.verify()
    outside = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
    runtime = [n for n in outside if re.match(r"_?Py|numba|NRT", n)]
    if runtime:
        raise KernelError(
            f"{', '.join(entries)}: needs the Python runtime ({', '.join(runtime[:4])}): it makes a list, text or array; use Table"
        )
    return machine.emit_object(module)


@contextlib.contextmanager
def _uninitialized_refused() -> Iterator[None]:
    """Refuse a variable that a path leaves without a value: plain raises UnboundLocalError there, compiled code would read a zero."""
    before = getattr(config, _WARN)
    setattr(config, _WARN, 1)
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", NumbaWarning)
            yield
    finally:
        setattr(config, _WARN, before)
    for w in told:
        if "uninitialized variable" in str(w.message) and "site-packages" not in str(w.message):
            raise NumbaTypeError(str(w.message))


def _link_entry(module: Any, name: str, fn: Callable[..., int], nargs: int, linked: set[Any]) -> None:
    """Type and lower what an entry reaches, and link each part into `module` unless it is there."""
    takes = len(inspect.signature(fn).parameters)
    if takes != nargs:
        raise KernelError(f"entry {name}: {fn.__qualname__} takes {takes} arguments, {nargs} were declared")
    dispatcher = njit(types.int64(*[types.int64] * nargs), **JIT)(fn)
    result = dispatcher.overloads[dispatcher.signatures[0]]
    module.link_in(ll.parse_assembly(_wrapper(name, result.fndesc.mangled_name, nargs)))
    for library in result.library.reached():  # callers first: what nothing refers to yet would not be linked
        if library not in linked:
            linked.add(library)
            module.link_in(library._get_module_for_linking(), preserve=True)


def _internalise(module: Any, entries: set[str]) -> None:
    """Hide every symbol but the entries: two objects in one process never see each other's."""
    for f in module.functions:
        if not f.is_declaration and f.name not in entries:
            f.linkage = "internal"


def _wrapper(name: str, symbol: str, nargs: int) -> str:
    """LLVM of the entry itself: calls a function of Numba's convention; FAULT if that raised."""
    args = "".join(f", i64 %a{i}" for i in range(nargs))
    return f"""
declare i32 @"{symbol}"(ptr, ptr{", i64" * nargs})
define i64 @{name}({args[2:]}) {{
  %r = alloca i64
  %e = alloca ptr
  store i64 0, ptr %r
  store ptr null, ptr %e
  %s = call i32 @"{symbol}"(ptr %r, ptr %e{args})
  %v = load i64, ptr %r
  %bad = icmp sgt i32 %s, 0
  %o = select i1 %bad, i64 {FAULT}, i64 %v
  ret i64 %o
}}"""
