"""Which recordings each venue of a run plays."""

from collections.abc import Iterable
from pathlib import Path

from streams.errors import ConfigError
from streams.topology.model import Topology
from streams.topology.source import nearest, nearest_file

__all__ = ["existing", "recordings_of"]


def recordings_of(topology: Topology, given: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Files by venue: those given, `VENUE=FILE`, or `FILE` where there is one venue only; for the others, what the topology names.

    Venues without a recording are left out. ConfigError for a file that is not there and for a venue that is not known or not named.
    """
    found = {name: venue.recordings for name, venue in topology.venues.items() if venue.feed == "recording"}
    named: dict[str, list[str]] = {}
    for text in given:
        venue, file = _split(topology, text)
        named.setdefault(venue, []).append(file)
    found.update({venue: tuple(files) for venue, files in named.items()})
    return {venue: existing(files) for venue, files in found.items() if files}


def existing(paths: Iterable[str]) -> tuple[str, ...]:
    """The paths, each of a file that is there; ConfigError names the first that is not, or is there twice: it would be played twice."""
    found = tuple(str(Path(path).expanduser()) for path in paths)
    for n, path in enumerate(found):
        if path in found[:n]:
            raise ConfigError(f"{path}: is given twice; leave one out")
        if not Path(path).is_file():
            what = "is a folder, no file" if Path(path).is_dir() else f"no such file{nearest_file(path)}"
            raise ConfigError(f"{path}: {what}")
    return found


def _split(topology: Topology, text: str) -> tuple[str, str]:
    venues = list(topology.venues)
    venue, equals, file = text.partition("=")
    if equals and venue in topology.venues:
        return venue, file
    if equals and not Path(text).is_file():
        raise ConfigError(f"recording {text!r}: no venue {venue!r} in {topology.path}{nearest(venue, venues)}")
    if len(venues) > 1:
        raise ConfigError(f"recording {text!r}: {topology.path} has the venues {', '.join(venues)}; say which plays it: {venues[0]}={text}")
    return venues[0], text
