"""A strategy's class, found by its path; its parameters are its own annotated fields."""

import importlib
import math
import pkgutil
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from streams.kernel.fault import describe
from streams.strategies.check import faults_of
from streams.topology.source import Keys, nearest

__all__ = ["faults_of_strategy", "is_compiled", "load_class", "parameters"]


def faults_of_strategy(path: object, params: dict[str, Any]) -> Iterator[tuple[Keys, str]]:
    """What is wrong with `module:Class` and the parameters given to it; nothing when all is well."""
    if not isinstance(path, str) or ":" not in path:
        return
    module_name, _, class_name = path.partition(":")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is not None and (module_name == error.name or module_name.startswith(f"{error.name}.")):
            yield ("class",), f"there is no module {module_name!r}{nearest(module_name, _modules(module_name))}"
        else:
            yield ("class",), f"{module_name} cannot be imported: {error}"
        return
    except Exception as error:  # a fault in the user's file, of any kind, is told with its place
        yield ("class",), f"{module_name} cannot be imported: {describe(error)}"
        return
    found = getattr(module, class_name, None)
    if not isinstance(found, type):
        classes = [name for name, value in vars(module).items() if isinstance(value, type) and value.__module__ == module_name]
        yield ("class",), f"module {module_name!r} has no class {class_name!r}{nearest(class_name, classes)}"
        return
    faults = list(faults_of(found))
    if faults:
        yield ("class",), "\n  ".join(faults)
    known = parameters(found)
    for name, value in params.items():
        if name not in known:
            yield ("params", name), f"is no parameter of {class_name}{nearest(name, known)}"
        elif known[name] is int and not isinstance(value, int):
            yield ("params", name), f"{_shown(value)} is no whole number, as {class_name}.{name} is"
        elif known[name] is float and not _is_number(value):
            yield ("params", name), f"{_shown(value)} is no number, as {class_name}.{name} is"


def load_class(path: str) -> Any:
    """The class of `module:Class`, which `faults_of_strategy` found well."""
    module_name, _, class_name = path.partition(":")
    return getattr(importlib.import_module(module_name), class_name)


def is_compiled(path: object) -> bool:
    """False for a class that says compiled = False; True for every other, and for what is no class."""
    module_name, _, class_name = str(path).partition(":")
    try:
        return bool(getattr(getattr(importlib.import_module(module_name), class_name), "compiled", True))
    except Exception:  # whatever is wrong with the file is told by `faults_of_strategy`
        return True


def parameters(cls: type) -> dict[str, Any]:
    """Name and type of each parameter: the public annotated int, float, bool and text fields of the class and its bases."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        for name, kind in getattr(base, "__annotations__", {}).items():
            kind = {"int": int, "float": float, "bool": bool, "str": str}.get(kind, kind) if isinstance(kind, str) else kind
            if not name.startswith("_") and kind in (int, float, bool, str):
                found[name] = kind
    return found


def _is_number(value: object) -> bool:
    """A float can hold it."""
    try:
        return isinstance(value, int | Decimal) and math.isfinite(float(value))
    except OverflowError:
        return False


def _shown(value: object) -> str:
    """A value as the file has it."""
    return str(value) if isinstance(value, Decimal) else repr(value)


def _modules(module_name: str) -> list[str]:
    package_name = module_name.rpartition(".")[0]
    try:
        package = importlib.import_module(package_name)
    except (ImportError, ValueError):
        return []
    return [f"{package_name}.{entry.name}" for entry in pkgutil.iter_modules(getattr(package, "__path__", []))]
