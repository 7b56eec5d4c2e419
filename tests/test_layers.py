"""Imports point down only: what is below knows nothing of what stands on it."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1] / "streams"
_PURE = {"rules", "sequence", "messages", "respell", "json_text", "frame_parser", "frame_members", "frame_numbers", "plain_parser"}
_PURE |= {"levels", "recording", "check", "check_output", "synthetic"}
PURE_VENUES = {f"venues.binance.{name}" for name in _PURE}
"""What a venue's shells and the agents share: no I/O but files."""

LAYERS = (
    {"cli", "commands"},
    {"topology"},
    {"control"},
    {"backtest", "report", "lanes", "sinks", "local", "venues"},
    {"agents", "strategies"},
    PURE_VENUES,
    {"trading"},
    {"kernel", "schema", "records", "slots", "clock"},
    {"config"},
    {"errors"},
)
"""From the top down. A longer name goes before a shorter one; modules of one layer may import each other."""


def layer(module: str) -> int:
    """Number of a module's layer, 0 on top."""
    best = max(
        ((len(name), number) for number, names in enumerate(LAYERS) for name in names if module == name or module.startswith(f"{name}.")),
        default=None,
    )
    assert best is not None, f"streams.{module} stands in no layer; add it to LAYERS"
    return best[1]


def imported(path: Path) -> set[str]:
    """Modules of the package that a file imports, anywhere in it, without the package's name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            package = [f"{node.module}.{a.name}" for a in node.names]
            names = [name if (ROOT.parent / (name.replace(".", "/") + ".py")).exists() else node.module for name in package]
        found |= {name.removeprefix("streams.") for name in names if name.startswith("streams.")}
    return found


MODULES = sorted(path for path in ROOT.rglob("*.py") if path.name != "__init__.py")


def faults(path: Path) -> list[str]:
    """What a module imports that it may not."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return [f"streams.{module} imports {name}, which stands above it" for name in sorted(imported(path)) if layer(name) < layer(module)]


def test_imports_point_down():
    assert MODULES
    assert [fault for path in MODULES for fault in faults(path)] == []


def test_import_that_points_up_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path / "streams")
    path = tmp_path / "streams" / "trading" / "book.py"
    path.parent.mkdir(parents=True)
    path.write_text("def play():\n    from streams.agents import process\n")
    assert faults(path) == ["streams.trading.book imports agents, which stands above it"]
