"""`python -m streams.schema.generate [--check]`: writes what follows from `schemas/`, or says what is stale."""

import sys
from collections.abc import Callable
from pathlib import Path

from streams.errors import MillraceError
from streams.schema.emit_docs import docs_text
from streams.schema.emit_records import records_text
from streams.schema.emit_slots import slots_text

__all__ = ["OUTPUTS", "main", "stale"]

ROOT = Path(__file__).resolve().parents[2]
OUTPUTS: dict[str, Callable[[], str]] = {
    "streams/records.py": records_text,
    "streams/slots.py": slots_text,
    "docs/topics.md": docs_text,
}


def stale(root: Path = ROOT) -> list[str]:
    """Generated files that differ from what the schemas give, relative to the checkout."""
    return [name for name, text in OUTPUTS.items() if not (root / name).exists() or (root / name).read_text() != text()]


def main(args: list[str], root: Path = ROOT) -> int:
    """Writes the stale files and says which; with --check only says so and returns 1."""
    unknown = [a for a in args if a != "--check"]
    if unknown:
        print(f"generate: unknown argument {unknown[0]!r}; only --check is known", file=sys.stderr)
        return 2
    old = stale(root)
    if "--check" in args:
        for name in old:
            print(f"generate: {name} does not follow from schemas/; run `make generate` and commit it", file=sys.stderr)
        return 1 if old else 0
    for name in old:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(OUTPUTS[name]())
        print(f"wrote  {name}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except MillraceError as error:
        sys.exit(f"generate: {error}")
