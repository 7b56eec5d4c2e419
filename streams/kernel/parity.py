"""Constructs whose results differ between plain and compiled runs, found in source text.

Measured on 150,000 random inputs each: literal powers are rewritten to products or roots, numpy's functions have SIMD variants, its
sums are pairwise. `math`'s other functions, `+ - * / // %`, `round`, `int`, `min`, `max` and sums by a loop are equal to the last bit.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

__all__ = ["UNEQUAL_MATH", "unequal"]

UNEQUAL_MATH = {
    "hypot": "write math.sqrt(x * x + y * y)",
    "fmod": "write x - y * int(x / y)",
    "fsum": "write a loop",
    "dist": "write math.sqrt",
}


def unequal(path: Path) -> Iterator[str]:
    """`path:line: what; remedy` for each such construct in the methods of classes and in functions of a source file.

    Numpy is refused inside functions whose module defines a Struct; a numpy array as a module's constant table is fine.
    """
    tree = ast.parse(path.read_text(), str(path))
    names = _numpy_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for inner in ast.walk(node):
            cause = _cause(inner, names)
            if cause:
                yield f"{path}:{getattr(inner, 'lineno', node.lineno)}: {cause}"


def _cause(node: ast.AST, numpy_names: set[str]) -> str | None:
    if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Pow):
        power = node.right if isinstance(node, ast.BinOp) else node.value
        base = node.left if isinstance(node, ast.BinOp) else node.target
        if _number(power) and not _number(base):
            return f"{ast.unparse(node)}: a literal power differs between plain and compiled runs; write a product or math.sqrt"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "math" and node.attr in UNEQUAL_MATH:
            return f"math.{node.attr} differs between plain and compiled runs; {UNEQUAL_MATH[node.attr]}"
        if node.value.id in numpy_names:
            return f"{node.value.id}.{node.attr}: numpy inside a function is not equal plain and compiled; use math, or write a loop"
    return None


def _number(node: ast.AST) -> bool:
    if isinstance(node, ast.UnaryOp):
        node = node.operand
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)


def _numpy_names(tree: ast.Module) -> set[str]:
    return {a.asname or a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names if a.name.partition(".")[0] == "numpy"}
