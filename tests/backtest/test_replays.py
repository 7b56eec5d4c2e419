"""Replays that were kept: written whole or not at all, replaced by themselves, found by what people call them."""

import os
import shutil
from pathlib import Path

import pytest

from streams.backtest.manifest import Manifest
from streams.backtest.replays import find, is_live_number, kept, newest, replays, replays_folder
from streams.errors import ConfigError
from tests.backtest.test_manifest import OUTCOME, manifest


def keep(made: Manifest, home: Path, text: str = "x", age_s: int = 0) -> Path:
    """A replay with one file beside its manifest, written so long ago."""
    with kept(made, home) as folder:
        (folder / "fills.v1.parquet").write_text(text)
        path = made.write(folder, OUTCOME)
        stamp = path.stat().st_mtime - age_s
        os.utime(path, (stamp, stamp))
    return replays_folder(home) / str(made.run_id)


def test_kept_replay_stands_under_its_run_id(tmp_path: Path) -> None:
    place = keep(manifest(), tmp_path)
    assert sorted(path.name for path in place.iterdir()) == ["fills.v1.parquet", "manifest.json"]
    assert [replay.folder for replay in replays(tmp_path)] == [place]


def test_kept_again_replaces_itself(tmp_path: Path) -> None:
    keep(manifest(), tmp_path)
    place = keep(manifest(), tmp_path, "new")
    assert (place / "fills.v1.parquet").read_text() == "new"
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_kept_after_a_fault_leaves_the_old_one(tmp_path: Path) -> None:
    place = keep(manifest(), tmp_path)

    def failing() -> None:
        with kept(manifest(), tmp_path) as folder:
            (folder / "fills.v1.parquet").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert (place / "fills.v1.parquet").read_text() == "x"
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_kept_twice_at_once_is_the_one_that_ended_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, getpid = replays_folder(tmp_path) / str(manifest().run_id), os.getpid
    with kept(manifest(), tmp_path) as first:
        (first / "fills.v1.parquet").write_text("first")
        manifest().write(first, OUTCOME)
        monkeypatch.setattr(os, "getpid", lambda: 1)  # another process, which is alive
        keep(manifest(), tmp_path, "second")
        assert (place / "fills.v1.parquet").read_text() == "second"
        monkeypatch.setattr(os, "getpid", getpid)
    assert (place / "fills.v1.parquet").read_text() == "first"
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_kept_removes_what_a_killed_process_left(tmp_path: Path) -> None:
    left = replays_folder(tmp_path) / f"{manifest().run_id}.{2**22 + 1}.new"  # above the highest process id
    left.mkdir(parents=True)
    place = keep(manifest(), tmp_path)
    assert [path.name for path in place.parent.iterdir()] == [place.name]


def test_kept_of_another_manifest_with_the_same_run_id_is_refused(tmp_path: Path) -> None:
    place = keep(manifest(), tmp_path)
    text = (place / "manifest.json").read_text()
    (place / "manifest.json").write_text(text.replace(manifest().hash, "00" * 16))
    with pytest.raises(ConfigError, match="another manifest"):
        keep(manifest(), tmp_path)


def test_find_by_any_name_of_a_replay(tmp_path: Path) -> None:
    old, new = manifest(seed=5), manifest(seed=6)
    keep(old, tmp_path, age_s=100)
    place = keep(new, tmp_path)
    for text in (str(new.run_id), str(new.run_id)[:6], new.hash, new.hash[:6].upper(), "last", str(place)):
        assert find(text, tmp_path).run_id == new.run_id, text
    assert newest(tmp_path).hash == new.hash
    assert find(str(old.run_id), tmp_path).hash == old.hash


def test_find_of_a_beginning_of_several_names_them(tmp_path: Path) -> None:
    made = manifest()
    place = keep(made, tmp_path)
    other = f"{str(made.run_id)[:5]}00000"
    shutil.copytree(place, place.with_name(other))
    text = (place / "manifest.json").read_text().replace(str(made.run_id), other)
    (place.with_name(other) / "manifest.json").write_text(text)
    with pytest.raises(ConfigError, match=rf"beginning of 2 replays: .*{made.run_id} \({made.hash[:8]}\)"):
        find(other[:5], tmp_path)


@pytest.mark.parametrize(
    ("text", "why"), [("12", "at least 4 characters"), ("99999", "no replay is kept that begins so"), ("last", "no replay is kept")]
)
def test_find_of_what_is_not_there_says_so(text: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        find(text, tmp_path)


def test_numbers_of_live_runs_are_short() -> None:
    assert [is_live_number(text) for text in ("1", "9999", "10000", "0", "9f2c", "last", "")] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]
