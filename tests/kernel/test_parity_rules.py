"""No source that is compiled uses a construct whose result differs between plain and compiled runs."""

from pathlib import Path

import pytest

import streams
from streams.agents.drive_loop import drive_sources
from streams.agents.market_node import market_sources
from streams.agents.runner import node_sources
from streams.kernel.parity import unequal

PACKAGE = Path(streams.__file__).parent
COMPILED = ["kernel", "trading", "agents", "strategies"]
NUMPY_ALLOWED = {"memory.py", "view.py", "layout.py"}  # the kernel's own machinery, which is never compiled


@pytest.mark.parametrize("package", COMPILED)
def test_compiled_source_has_no_unequal_construct(package):
    found = [line for path in sorted((PACKAGE / package).rglob("*.py")) if defines_compiled_code(path) for line in unequal(path)]
    assert found == []


def defines_compiled_code(path: Path) -> bool:
    """Whether a file has Structs or functions that they call: all but the kernel's machinery and what works on records."""
    if path.parent.name == "agents":
        return path in {*node_sources(), *drive_sources(), *market_sources()}
    return not (path.parent.name == "kernel" and path.name in NUMPY_ALLOWED)


@pytest.mark.parametrize(("source", "cause"), [
    ("x ** 2", "x ** 2: a literal power"), ("abs(x) ** 0.5", "abs(x) ** 0.5: a literal"), ("x ** -1", "x ** (-1): a literal"),
    ("np.exp(x)", "np.exp: numpy inside"),
    ("np.sum([x])", "np.sum: numpy inside"), ("math.hypot(x, 1.0)", "math.hypot differs"), ("math.fmod(x, 2.0)", "math.fmod differs"),
])  # fmt: skip
def test_unequal_construct_found_with_line_and_remedy(tmp_path, source, cause):
    path = tmp_path / "mine.py"
    path.write_text(f"import math\nimport numpy as np\nTABLE = np.zeros(3)\ndef f(x):\n    return {source}\n")
    (line,) = unequal(path)
    assert line.startswith(f"{path}:5: {cause}")
    assert "write" in line


@pytest.mark.parametrize(
    "source", ["2**x", "x * x", "abs(x) ** x", "math.exp(x)", "math.sqrt(x)", "round(x, 2)", "x // 3 % 7", "1 << 40", "10**9"]
)
def test_unequal_equal_construct_passes(tmp_path, source):
    path = tmp_path / "mine.py"
    path.write_text(f"import math\ndef f(x):\n    return {source}\n")
    assert list(unequal(path)) == []
