"""Which files a strategy's decisions depend on: its own module and what that imports, apart from the standard library and packages."""

import ast
import importlib.util
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from streams.errors import CompileError

__all__ = ["strategy_sources"]

_OTHERS = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
_PLATFORM = Path(__file__).resolve().parents[1]
_HERE = Path(__file__).resolve().parent


def strategy_sources(cls: Any) -> list[Path]:
    """The files behind a class: its module, those of its bases, and every module that these import, at any depth, sorted.

    Of the platform only `streams/strategies`; the rest of it is the node's own, whose files are known. A change in one of them means
    other machine code: without a helper's file in the list, its old code would go on trading. CompileError for a compiled class
    that a notebook or a prompt made, whose changes no file tells of.
    """
    found: dict[str, Path] = {}
    if _file_of(cls.__module__) is None and cls.compiled:
        raise CompileError(f"{cls.__module__}.{cls.__qualname__}: has no source file; put it into one, or run it plain")
    todo = [base.__module__ for base in cls.__mro__]
    while todo:
        name = todo.pop()
        if name in found or (path := _file_of(name)) is None:
            continue
        found[name] = path
        todo += _imported(path, name)
    return sorted(set(found.values()))


def _file_of(name: str) -> Path | None:
    """The source of a module that counts, else None."""
    module = sys.modules.get(name)
    origin = getattr(module, "__file__", None)
    if module is None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return None
        origin = spec.origin if spec is not None else None
    if origin is None or not origin.endswith(".py"):
        return None
    path = Path(origin).resolve()
    if _PLATFORM in path.parents:
        return path if path.parent == _HERE else None
    return None if str(path).startswith(_OTHERS) or "site-packages" in path.parts else path


def _imported(path: Path, module: str) -> Iterator[str]:
    """Names of modules that a file imports: a name of `from x import y` may be a module too."""
    package = module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            name = ".".join([*base, node.module] if node.module else base)
            yield name
            yield from (f"{name}.{alias.name}" for alias in node.names)
