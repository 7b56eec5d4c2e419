"""Topology files for tests: the demo's, and changes to it."""

from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "topologies" / "demo.yaml"


def changed(folder: Path, *replacements: tuple[str, str]) -> Path:
    """A copy of the demo's topology with texts replaced; each must stand in it."""
    text = DEMO.read_text()
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    path = folder / "desk.yaml"
    path.write_text(text)
    return path


def line_of(path: Path, text: str) -> int:
    """Number of the first line that holds a text."""
    return next(number for number, line in enumerate(path.read_text().splitlines(), 1) if text in line)
