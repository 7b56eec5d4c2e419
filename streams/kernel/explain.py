"""From Numba's report to one line of the user's: `path:line: cause; remedy`."""

import contextlib
import os
import re
import traceback
from collections.abc import Iterator
from pathlib import Path

from numba.core.errors import NumbaError, UnsupportedBytecodeError

from streams.errors import CompileError

__all__ = ["explain", "explained"]

_PLACE = re.compile(r'File "([^"]+)", line (\d+)|(?:typing of \S+ at|Raised from) (\S+) \((\d+)\)')
_PACKAGE = Path(__file__).resolve().parent.parent
_OURS = tuple(str(_PACKAGE / part) + os.sep for part in ("kernel", "trading", "agents"))
_PLAIN = "or set compiled = False (Kafka lane and replay only)"
_TEXT = "text cannot be used in compiled code; keep numbers in fields and write text outside"
_REMEDY = (
    "(?:use|write|assign|keep|call|set|name|there|test|it has|slices|nearest|a field|members|import|store)"  # how our own refusals go on
)
# report -> cause; remedy. The first that matches, from the most to the least certain.
_MISTAKES = [  # wrong in a plain run too
    (r"^.*has no field or method.*$", r"\g<0>"),
    (r"^name '\w+' is not defined; .*$", r"\g<0>"),
    (r"uninitialized variable ([A-Za-z_]\w*)", r"variable '\1' may be used before it has a value; give it one on every path"),
    (r"missing a required argument: '(\w+)'", r"argument '\1' is missing in a call; give it"),
    (
        r"(too many (?:positional )?arguments|got an unexpected keyword argument '\w+'|multiple values for argument '\w+')",
        r"\1 in a call; see the method's signature",
    ),
]
_LIMITS = [  # right in a plain run
    (rf"^\s*(?:NumbaTypeError: )?(.*; {_REMEDY} .*)$", r"\1"),
    (r"'with \(context manager\)", "with does not compile; there is nothing to close in compiled code"),
    (r"\(IMPORT_NAME\)", "an import inside a function does not compile; import at the top of the module"),
    (
        r"Cannot unify (.+?) and (.+?) for '([A-Za-z_]\w*)[\w.]*'",
        r"variable '\3' is sometimes \1 and sometimes \2; give it one type",
    ),
    (
        r"Can't unify return type from the following types: (.+)",
        r"a method returns different types (\1); return one type on every path, -1 or NULL for nothing",
    ),
    (r"[(,] ?text[,)]|of type text|Cannot cast text", _TEXT),
    (r"Invalid use of getiter", r"a Table or Array cannot be looped over in compiled code; write for i in range(table.n)"),
    (r"Invalid use of class\((\w+)\)", r"a \1 cannot be made in compiled code; declare it as a field"),
    (r"Unknown attribute '(\w+)' of type (.+)", r"\2 has no attribute '\1' in compiled code; use fields and methods of Structs, and math"),
    (
        r"Untyped global name '(\w+)':.*<class '([^']+)'>",
        r"'\1' is a \2, which compiled code cannot use; use a number, an IntEnum, a function or a Struct's field",
    ),
    (r"No implementation of function .* found for signature:\s+>>> (.+)", r"\1 is not possible in compiled code; use numbers"),
    (r"Cannot determine Numba type of <class '([^']+)'>", r"a \1 cannot be used in compiled code; use numbers and Structs"),
]


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn whatever compiling `name` raises into a CompileError with the user's file and line."""
    try:
        yield
    except NumbaError as e:
        raise CompileError(explain(name, str(e))) from None
    except UnsupportedBytecodeError as e:
        raise CompileError(explain(name, f"{e}\n{_translating(e)}")) from None
    except (NotImplementedError, KeyError, AttributeError, AssertionError, TypeError) as e:
        raise CompileError(f"{name}: the compiler fails on it ({type(e).__name__}: {e}); run it plain to see whether it is right") from e


def explain(name: str, report: str) -> str:
    """`path:line: cause; remedy` out of Numba's report; a line of the user's own file if one is involved, else the innermost."""
    report = _readable(report)
    place, own = _place(report)
    mistake = _first(_MISTAKES, report)
    cause = mistake or _first(_LIMITS, report)
    if cause is None:
        lines = [x.strip() for x in report.splitlines() if x.strip() and not x.startswith("Failed in nopython mode")]
        cause = f"{lines[0] if lines else 'does not compile'}; write it with numbers and Structs"
    if own and not mistake:
        cause += f", {_PLAIN}"
    return f"{place or name}: {cause}"


def _translating(error: BaseException) -> str:
    """Where the function begins whose bytecode Numba was reading: such an error names no line."""
    found = ""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        func_id = frame.f_locals.get("func_id")
        if func_id is not None:
            found = f'File "{func_id.filename}", line {func_id.firstlineno}'
    return found


def _place(report: str) -> tuple[str, bool]:
    """`path:line`, and whether it is outside the platform's own packages. Reports go from the innermost place outwards."""
    inner = ""
    for match in _PLACE.finditer(report):
        path, line = (match[1], match[2]) if match[1] else (match[3], match[4])
        full = os.path.abspath(path)
        if "site-packages" in full or not os.path.exists(full):
            continue
        near = os.path.relpath(full)
        shown = f"{full if near.startswith('..') else near}:{line}"
        if not full.startswith(_OURS):
            return shown, True
        inner = inner or shown
    return inner, False


def _first(causes: list[tuple[str, str]], report: str) -> str | None:
    for pattern, told in causes:
        match = re.search(pattern, report, re.MULTILINE)
        if match:
            return match.expand(told).strip()
    return None


def _readable(text: str) -> str:
    """Types as a user names them: Maker instead of mine.Maker#1a2b3c4d, int instead of Literal[int](1)."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    text = re.sub(r"(?:[\w<>]+\.)*(\w+)#[0-9a-f]{8}", r"\1", text)
    text = re.sub(r"Literal\[(int|bool)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"Literal\[str\]\([^)]*\)|unicode_type", "text", text)
    return re.sub(r"\b(int|float)64\b", r"\1", text)
