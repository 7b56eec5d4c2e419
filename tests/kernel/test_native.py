"""Objects on disk: found when nothing changed, made again when something did, whole or absent, and never another process's code."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from streams.errors import KernelError
from streams.kernel import native
from streams.kernel.lock import locked
from tests.kernel import sample

ROOT = Path(native.__file__).parents[2]
MINE = """
    from streams.kernel import Struct, at
    class Counter(Struct):
        n: int
        def add(self, k):
            self.n += k
            return self.n + {offset}
    def add(state: int, k: int) -> int:
        return at(Counter, state).add(k)
    ENTRIES = {{"add": (add, 2)}}
"""
ADD = """
    import sys
    import numpy as np
    from streams.kernel import native
    def entries():
        import mine
        return mine.ENTRIES
    loaded = native.load("mine", entries, ["mine.py"])
    state = np.array([40], np.int64)
    print(native.function(loaded.add, 2)(state.ctypes.data, 2), state[0], "numba" in sys.modules, "mine" in sys.modules)
"""
COMPILING = "kernel           compiling mine (once)\n"


def write(path: Path, text: str, **values) -> None:
    path.write_text(textwrap.dedent(text).format(**values) if values else textwrap.dedent(text))


def python(folder: Path, code: str, **environment: str) -> subprocess.CompletedProcess:
    env = {**os.environ, "MILLRACE_CACHE": str(folder / "cache"), "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", **environment}
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], cwd=folder, env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.slow
def test_load_cold_then_warm_then_changed_source(tmp_path):
    write(tmp_path / "mine.py", MINE, offset=0)
    cold = python(tmp_path, ADD)
    assert cold.stdout == "42 42 True True\n"
    assert cold.stderr.startswith(COMPILING + "kernel           mine ... ")
    warm = python(tmp_path, ADD)
    assert (warm.stdout, warm.stderr) == ("42 42 False False\n", "")
    write(tmp_path / "mine.py", MINE, offset=100)
    changed = python(tmp_path, ADD)
    assert changed.stdout == "142 42 True True\n"
    assert changed.stderr.startswith(COMPILING)
    unchecked = python(tmp_path, ADD, MILLRACE_CHECK="0")
    assert unchecked.stderr.startswith(COMPILING)


@pytest.mark.slow
def test_load_prebuilt_layer_found_before_the_cache(tmp_path):
    write(tmp_path / "mine.py", MINE, offset=0)
    python(tmp_path, ADD)
    (tmp_path / "cache").rename(tmp_path / "image")
    done = python(tmp_path, ADD, MILLRACE_PREBUILT=f"{tmp_path / 'none'}{os.pathsep}{tmp_path / 'image'}")
    assert (done.stdout, done.stderr) == ("42 42 False False\n", "")
    assert not (tmp_path / "cache").exists()


@pytest.mark.slow
def test_load_nowhere_to_write_compiles_again(tmp_path):
    write(tmp_path / "mine.py", MINE, offset=0)
    (tmp_path / "cache").write_text("a file where the folder should be")
    for _ in range(2):
        done = python(tmp_path, ADD)
        assert done.stdout == "42 42 True True\n"
        assert done.stderr.startswith(COMPILING)


@pytest.mark.slow
def test_load_four_cold_processes_compile_once(tmp_path):
    write(tmp_path / "mine.py", MINE, offset=0)
    done: list[subprocess.CompletedProcess] = []
    threads = [threading.Thread(target=lambda: done.append(python(tmp_path, ADD))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(d.stdout.split()[0] for d in done) == ["42"] * 4
    assert sum(d.stderr.startswith(COMPILING) for d in done) == 1
    assert [p.suffix for p in sorted((tmp_path / "cache").iterdir())] == [".o", ".lock"]


CROWDED = """
    import ctypes, sys
    libc = ctypes.CDLL(None)
    libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    NONE, PRIVATE_ANONYMOUS_NORESERVE, GIB, PAGE = 0, 0x4022, 1 << 30, 4096
    def reserve(size):
        return libc.mmap(None, size, NONE, PRIVATE_ANONYMOUS_NORESERVE, -1, 0)
    def crowd():
        "No room above 8 GiB that are taken, but for a page high in them."
        taken, size = reserve(8 * GIB), GIB
        while size >= PAGE:
            if (found := reserve(size)) < taken:
                libc.munmap(found, size)
                size //= 2
        libc.munmap(taken + 7 * GIB, PAGE)
"""


def test_load_memory_with_one_small_hole_keeps_an_objects_sections_together(compiled, cache, tmp_path):
    """Code in a hole and its tables gigabytes away: LLVM cannot relocate that, and ends the process."""
    write(tmp_path / "crowded.py", CROWDED)
    code = """
        import llvmlite.binding, numpy
        from tests.kernel import sample
        from streams.kernel import native
        import crowded
        crowded.crowd()
        print(native.function(native.load("sample", lambda: 1 / 0, [sample.__file__]).p_ctz, 1)(8))
    """
    assert python(tmp_path, code, MILLRACE_CACHE=cache).stdout == "3\n"


def test_load_twice_is_the_same_object(compiled):
    assert native.load("sample", dict, [sample.__file__]) is native.load("sample", dict, [sample.__file__])


HELPER = """
    def helper(r, n):
        for i in range(n):
            for j in range(n):
                r.x += r.y * j % 7
                if r.x > 50:
                    r.x -= r.z + j
        return r.x
"""
RECORD = """
    from shared import helper
    from streams.kernel import Struct, at
    class Rec(Struct):
        {0}: int
        {1}: int
        {2}: int
    def run(p: int, n: int) -> int:
        return helper(at(Rec, p), n)
"""
BOTH = """
    import sys
    from importlib import import_module
    from streams.kernel import native
    for name in {names}:
        loaded = native.load(name, lambda: {{"run": (import_module(name).run, 2)}}, ["shared.py", name + ".py"])
        rec = import_module(name).Rec(x=5, y=7, z=3)
        flat = rec.pack()
        print(native.function(loaded.run, 2)(flat.ctypes.data, 10) == import_module("shared").helper(rec, 10))
        print(flat.tobytes() == rec.pack().tobytes())
    print("numba" in sys.modules)
"""


@pytest.mark.slow
def test_load_objects_of_two_processes_each_keeps_its_own_code(tmp_path):
    """Under Numba's own names (counted per process) both hold `helper` under one symbol, and the second would run the first's."""
    write(tmp_path / "shared.py", HELPER)
    for name, fields in (("first", "xyz"), ("second", "yxz")):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(RECORD).format(*fields))
    for name in ("first", "second"):
        assert python(tmp_path, BOTH.format(names=[name])).stdout.split() == ["True"] * 3
    assert python(tmp_path, BOTH.format(names=["first", "second"])).stdout.split() == ["True"] * 4 + ["False"]


def test_load_many_edits_keeps_the_newest_objects(tmp_path, monkeypatch):
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "mine.txt"

    def load(text: str) -> None:
        source.write_text(text)
        native.load("tiny", lambda: {"p_ctz": sample.ENTRIES["p_ctz"]}, [source])

    load("other")
    (tmp_path / "cache" / "tiny-other.o").write_text("another name")
    for i in range(9):
        load(str(i))
    assert len(list((tmp_path / "cache").glob("tiny-*.o"))) == 8 + 1
    assert not [p for p in (tmp_path / "cache").iterdir() if p.suffix not in (".o", ".lock")]


def test_load_warm_leaves_numba_alone(compiled, cache):
    code = """
        import sys
        from tests.kernel import sample
        from streams.kernel import native
        loaded = native.load("sample", lambda: 1 / 0, [sample.__file__])
        print(native.function(loaded.p_ctz, 1)(8), "numba" in sys.modules)
    """
    assert python(ROOT, code, MILLRACE_CACHE=cache).stdout == "3 False\n"


def test_entry_unknown_name_refused(compiled):
    loaded = native.load("sample", dict, [native.sources("tests.kernel.sample")[0]])
    with pytest.raises(AttributeError, match="sample has no entry 'nothing'"):
        _ = loaded.nothing


def test_entry_that_needs_the_runtime_refused(cache):
    def makes_text(n: int) -> int:
        return len(chr(n))

    with pytest.raises(KernelError, match=r"makes_text: "):
        native.load("runtime", lambda: {"makes_text": (makes_text, 1)}, [__file__])


def test_entry_declared_with_other_arguments_refused(cache):
    def takes_two(a: int, b: int) -> int:
        return a + b

    with pytest.raises(KernelError, match=r"entry takes_two: .*takes_two takes 2 arguments, 1 were declared"):
        native.load("arity", lambda: {"takes_two": (takes_two, 1)}, [__file__])


def test_sources_module_package_and_missing():
    files = native.sources("streams.kernel", "streams.errors")
    names = [p.name for p in files]
    assert {"prim.py", "struct.py", "native.py"} < set(names)
    assert names[-1] == "errors.py"
    assert native.sources(native) == [Path(native.__file__)]
    with pytest.raises(ModuleNotFoundError, match=r"streams\.absent: no such module"):
        native.sources("streams.absent")


def test_lock_held_elsewhere_gives_up_after_its_patience(tmp_path):
    path = tmp_path / "x.lock"
    with locked(path) as first, locked(path, patience_s=0.0) as second:
        assert (first, second) == (True, False)
    with locked(path) as third:
        assert third


def test_lock_where_no_file_can_be_made_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    with locked(tmp_path / "file" / "x.lock") as held:
        assert not held
