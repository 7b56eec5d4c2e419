"""Each venue plays its own recordings."""

from pathlib import Path

import pytest

from streams.errors import ConfigError
from streams.topology.instances import instances
from streams.topology.model import Topology, load
from streams.topology.recordings import recordings_of
from streams.topology.supervisor import Supervisor

ONE, SEVERAL = "topologies/demo.yaml", "topologies/strategies.yaml"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    topologies = Path("topologies").resolve()
    (tmp_path / "topologies").symlink_to(topologies)
    monkeypatch.chdir(tmp_path)
    for name in ("a.gz", "b.gz", "c.gz", "odd=name.gz"):
        (tmp_path / name).touch()
    return tmp_path


def with_own(topology: Topology, **own: str) -> Topology:
    """The topology with recordings of its own."""
    venues = {name: venue.model_copy(update={"recordings": (own[name],) if name in own else ()}) for name, venue in topology.venues.items()}
    return topology.model_copy(update={"venues": venues})


def test_recordings_of_one_venue_need_no_name(files: Path) -> None:
    topology = load(ONE)
    assert recordings_of(topology, ["a.gz", "b.gz"]) == {"binance": ("a.gz", "b.gz")}
    assert recordings_of(topology, ["binance=a.gz"]) == {"binance": ("a.gz",)}
    assert recordings_of(topology, ["odd=name.gz"]) == {"binance": ("odd=name.gz",)}
    assert recordings_of(topology, []) == {}


def test_recordings_given_replace_those_of_their_venue_only(files: Path) -> None:
    topology = with_own(load(SEVERAL), binance="a.gz", ether="b.gz")
    assert recordings_of(topology, []) == {"binance": ("a.gz",), "ether": ("b.gz",)}
    assert recordings_of(topology, ["ether=c.gz", "ether=b.gz"]) == {"binance": ("a.gz",), "ether": ("c.gz", "b.gz")}


def test_recording_given_twice_is_refused(files: Path) -> None:
    with pytest.raises(ConfigError, match=r"a\.gz: is given twice"):
        recordings_of(load(ONE), ["a.gz", "b.gz", "binance=a.gz"])


def test_recordings_of_nobody_knows_whom_are_refused(files: Path) -> None:
    topology = load(SEVERAL)
    with pytest.raises(ConfigError, match=r"has the venues binance, ether, second; say which plays it: binance=a.gz"):
        recordings_of(topology, ["a.gz"])
    with pytest.raises(ConfigError, match=r"no venue 'etherr' in topologies/strategies.yaml; nearest is 'ether'"):
        recordings_of(topology, ["etherr=a.gz"])
    with pytest.raises(ConfigError, match=r"d.gz: no such file"):
        recordings_of(topology, ["ether=d.gz"])


def test_supervisor_gives_each_feed_the_recordings_of_its_venue(files: Path) -> None:
    topology = load(SEVERAL)
    children = Supervisor(instances(topology), SEVERAL, {"binance": ("a.gz",), "second": ("b.gz", "c.gz")}).children
    feeds = {child.instance.venue: child.argv for child in children if child.instance.kind == "feed"}
    assert {venue: _played(argv) for venue, argv in feeds.items()} == {"binance": ["a.gz"], "ether": [], "second": ["b.gz", "c.gz"]}
    assert not [child.instance.name for child in children if child.instance.kind != "feed" and _played(child.argv)]


def _played(argv: tuple[str, ...]) -> list[str]:
    """Names of the recordings in a command line, which must be absolute."""
    paths = [Path(part) for part in argv if part.endswith(".gz")]
    assert all(path.is_absolute() for path in paths)
    return [path.name for path in paths]
