"""Compiled entry points as objects on disk: one file per group of entries, named by a hash of everything it depends on.

Numba's own cache does not notice a changed callee in another file, cannot be read from a read-only install, and names symbols by per-
process counters. Here the key is the contents of every source file, and every symbol but the entries is internal to its object. A warm
start needs llvmlite only. An entry is a Python function of int64 arguments returning int64; a raised error returns FAULT.
"""

import contextlib
import ctypes
import gc
import hashlib
import importlib.metadata
import importlib.util
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite.binding as ll

from streams.errors import KernelError
from streams.kernel.fault import FAULT
from streams.kernel.lock import locked

__all__ = ["CHECKED", "FAULT", "Native", "cache_dir", "function", "functions", "load", "sources"]

Entries = Mapping[str, tuple[Callable[..., int], int]]
CHECKED = os.environ.get("MILLRACE_CHECK", "1") != "0"
"""Whether compiled code checks indices (3-5 % of its time)."""
_HERE = Path(__file__).parent
_KEY_CHARS = 24
_KEPT_FILES = 8  # of one name: several checkouts and check flags, not every edit
_loaded: dict[str, "Native"] = {}  # by file, as long as the process lives: addresses of machine code are kept in flat memory


def cache_dir() -> Path:
    """Where objects are kept: MILLRACE_CACHE, or ~/.cache/millrace."""
    return Path(os.environ.get("MILLRACE_CACHE") or Path.home() / ".cache" / "millrace")


def sources(*modules: str | ModuleType) -> list[Path]:
    """Source files of modules, by name or object; of a package, every file in it and below. Only parent packages are imported for it."""
    found: list[Path] = []
    for m in modules:
        name = m if isinstance(m, str) else m.__name__
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name}: no such module, or it has no source file")
        path = Path(spec.origin)
        found += sorted(path.parent.rglob("*.py")) if path.name == "__init__.py" else [path]
    return found


def load(name: str, entries: Callable[[], Entries], files: Iterable[str | Path] = ()) -> "Native":
    """The entries of object `name`, as addresses: from disk, or compiled now and kept.

    entries: called only to compile; {entry name: (function, number of int64 arguments)}. files: every source file the entries depend on
    beside the kernel's own. CompileError if the code cannot be compiled. A cache that cannot be written is no error. An object is loaded
    once in a process.
    """
    file = f"{name}-{_key(files)}.o"
    if file in _loaded:
        return _loaded[file]
    layers = [Path(p) for p in os.environ.get("MILLRACE_PREBUILT", "").split(os.pathsep) if p]  # read-only, tried first
    found = _read([*layers, cache_dir()], file)
    if found is None:
        with locked(cache_dir() / f"{name}.lock"):
            found = _read([cache_dir()], file) or _compile(name, entries, cache_dir() / file)
    return _loaded.setdefault(file, Native(name, found))


class Native:
    """A loaded object: each entry is an attribute, its address."""

    def __init__(self, name: str, code: bytes) -> None:
        ll.initialize_native_target()
        ll.initialize_native_asmprinter()
        machine = ll.Target.from_default_triple().create_target_machine(jit=True)
        self._name = name
        # One engine an object: nothing is shared. All its sections in one piece of memory: without `use_lmm` they stand wherever there is
        # room, and in a process with many maps that can be more than the 2 GiB apart which their relocations reach: LLVM aborts.
        self._engine = ll.create_mcjit_compiler(ll.parse_assembly(""), machine, use_lmm=True)
        self._engine.add_object_file(ll.ObjectFileRef.from_data(code))
        self._engine.finalize_object()

    def __getattr__(self, entry: str) -> int:
        address = 0 if entry.startswith("_") else self._engine.get_function_address(entry)
        if not address:
            raise AttributeError(f"{self._name} has no entry {entry!r}")
        return address


def function(address: int, nargs: int) -> Callable[..., int]:
    """A Python callable of `nargs` int64 arguments returning int64, for the entry at `address`. The GIL is released while it runs."""
    return ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * nargs)(address)


def functions(name: str, entries: Entries, files: Iterable[str | Path] = ()) -> dict[str, Callable[..., int]]:
    """The entries of object `name` as Python callables, by name; see `load` and `function`."""
    loaded = load(name, lambda: entries, files)
    return {entry: function(getattr(loaded, entry), nargs) for entry, (_, nargs) in entries.items()}


def _key(files: Iterable[str | Path]) -> str:
    version = importlib.metadata.version
    h = hashlib.sha256(repr((version("numba"), version("llvmlite"), sys.version_info[:2], ll.get_host_cpu_name(), CHECKED)).encode())
    for path in sorted({*_HERE.glob("*.py"), *map(Path, files)}):
        h.update(path.name.encode() + b"\0" + path.read_bytes())
    return h.hexdigest()[:_KEY_CHARS]


def _read(layers: list[Path], file: str) -> bytes | None:
    for layer in layers:
        try:
            return (layer / file).read_bytes()
        except OSError:
            continue
    return None


def _compile(name: str, entries: Callable[[], Entries], path: Path) -> bytes:
    print(f"kernel           compiling {name} (once)", file=sys.stderr, flush=True)
    start = time.perf_counter()
    compile_object, explained = _compiler()
    collects = gc.isenabled()
    gc.disable()  # a tenth of the time: the compiler makes many objects and little garbage
    try:
        with explained(name):
            code = compile_object(entries())
    finally:
        if collects:
            gc.enable()
    _write(path, code)
    print(f"kernel           {name} ... {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    return code


def _compiler() -> tuple[Any, Any]:
    """Import Numba and what the kernel adds to it."""
    try:
        from streams.kernel.compile import compile_object
        from streams.kernel.explain import explained
    except (ImportError, AttributeError) as e:
        found = importlib.metadata.version("numba")
        raise KernelError(f"numba {found} lacks what the kernel builds on ({e}); install the version in requirements.lock") from e
    return compile_object, explained


def _write(path: Path, code: bytes) -> None:
    """Aside, then in place: a reader sees a whole object or none."""
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_bytes(code)
        os.replace(aside, path)
        _prune(path)
    except OSError:
        with contextlib.suppress(OSError):
            aside.unlink()


def _prune(path: Path) -> None:
    """Remove the oldest objects of the same name."""
    stem = path.name[: -len("-.o") - _KEY_CHARS]
    same = [p for p in path.parent.glob(f"{stem}-*.o") if len(p.name) == len(path.name)]
    for old in sorted(same, key=lambda p: p.stat().st_mtime_ns)[:-_KEPT_FILES]:
        old.unlink(missing_ok=True)
