"""Files named on the command line: found, or refused with the nearest name."""

from collections.abc import Iterable
from pathlib import Path

from streams.errors import ConfigError
from streams.topology.source import nearest_file

__all__ = ["existing"]


def existing(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths, each of a file that is there; ConfigError names the first that is not."""
    found = tuple(str(Path(path).expanduser()) for path in paths)
    for path in found:
        if not Path(path).is_file():
            what = "is a folder, no file" if Path(path).is_dir() else f"no such file{nearest_file(path)}"
            raise ConfigError(f"{path}: {what}")
    return found
