"""The manifest: everything that decides the result decides the run id, and nothing else does."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams.backtest.manifest import FIRST_RUN_ID, Manifest, is_replay, processor, read_manifest
from streams.backtest.results import Outcome
from streams.errors import ConfigError
from streams.schema.model import SCHEMAS

OUTCOME = Outcome("ab" * 16, {"fills.v1": 3})


def manifest(**changes: Any) -> Manifest:
    """A manifest of one file."""
    own: dict[str, Any] = {
        "topology": "demo",
        "topology_hash": "00ff",
        "sources": [{"path": "a.gz", "hash": "12", "bytes": 5}],
        "clock_offset_ns": {"binance": 1_274},
        "models": {"binance": {"queue": "none", "fee_tiers": [1, 2]}},
    }
    return Manifest(**{**own, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"topology_hash": "01"},
        {"sources": [{"path": "a.gz", "hash": "13", "bytes": 5}]},
        {"order": "as journalled"},
        {"clock_offset_ns": {"binance": 1_275}},
        {"models": {"binance": {"queue": "power", "fee_tiers": [1, 2]}}},
        {"seed": 2},
        {"settings": {"strategy.gamma": "0.2"}},
        {"from_ns": 1},
        {"to_ns": 1},
        {"live_run": 4},
        {"code": "other"},
        {"lock": "other"},
        {"cpu": "other"},
        {"schemas": {}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_manifest_any_change_gives_another_run_id(changes: dict[str, Any]) -> None:
    assert manifest(**changes).run_id != manifest().run_id


def test_manifest_of_a_file_that_moved_is_the_same() -> None:
    moved = manifest(sources=[{"path": "elsewhere/b.gz", "hash": "12", "bytes": 5}])
    assert moved.hash == manifest().hash
    assert moved.as_json() != manifest().as_json()


def test_manifest_run_id_is_no_live_runs_and_fits_a_topics_int() -> None:
    for seed in range(200):
        assert FIRST_RUN_ID <= manifest(seed=seed).run_id < 1 << 31
    assert is_replay(manifest().run_id)
    assert not is_replay(1_000_000)


def test_manifest_says_code_lock_processor_and_schemas() -> None:
    found = manifest()
    assert len(found.code) == len(found.lock) == 32
    assert found.cpu == processor()
    assert set(found.schemas) == {s.topic for s in SCHEMAS.values()}


def test_manifest_written_is_read_back_and_equal_by_bytes(tmp_path: Path) -> None:
    one = manifest().write(tmp_path / "a", OUTCOME, {"pnl": -5.3})
    other = manifest().write(tmp_path / "b", OUTCOME, {"pnl": -5.3})
    assert one.read_bytes() == other.read_bytes()
    found = read_manifest(tmp_path / "a")
    assert found["run_id"] == manifest().run_id
    assert found["result"] == {"digest": "ab" * 16, "counts": {"fills.v1": 3}, "market": {}, "figures": {"pnl": -5.3}}
    again = {k: v for k, v in found.items() if k not in ("format", "hash", "run_id", "result")}
    assert Manifest(**again).hash == found["hash"]


@pytest.mark.parametrize(("text", "why"), [("", "is not JSON"), ("[]", "no manifest"), (json.dumps({"format": "x"}), "no manifest")])
def test_read_manifest_of_something_else_says_so(text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_manifest(tmp_path)


def test_read_manifest_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a replay writes it at its end"):
        read_manifest(tmp_path)
