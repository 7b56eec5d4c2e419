"""The state folder of a checkout: logs, data, and which processes of the embedded stack live where."""

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from streams.config import cache_folder, home_folder, read_state
from streams.errors import StackError

__all__ = ["Home", "Running", "shared_lock"]


@dataclass(frozen=True)
class Running:
    """One started service.

    address   : what clients connect to
    ports     : every port it listens on
    pid       : its process
    created_s : when the system created that process (seconds since 1970); tells a recycled pid from ours
    log       : its log file
    """

    address: str
    ports: tuple[int, ...]
    pid: int
    created_s: float
    log: str


class Home:
    """The state folder: `data/`, `logs/`, `state.json`, `lock`."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = (folder or home_folder()).resolve()

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def make(self) -> None:
        """Create the folders; StackError if that is not allowed."""
        try:
            for folder in (self.folder, self.logs, self.data):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as fault:
            raise StackError(f"{self.folder}: cannot be created ({fault.strerror}); choose another folder: MILLRACE_HOME=...") from None

    def base_port(self) -> int | None:
        """The base port that the last `up` chose, if any."""
        return read_state(self.folder).get("base")

    def running(self) -> dict[str, Running]:
        """The services recorded as started, by name, in the order they were started."""
        services = read_state(self.folder).get("services", {})
        return {name: Running(**{**entry, "ports": tuple(entry["ports"])}) for name, entry in services.items()}

    def record(self, base: int | None, running: dict[str, Running]) -> None:
        """Write the state file, whole or not at all."""
        state = {"base": base, "services": {name: asdict(entry) for name, entry in running.items()}}
        temporary = self.folder / "state.json.new"
        temporary.write_text(json.dumps(state, indent=2) + "\n")
        os.replace(temporary, self.folder / "state.json")

    def shown(self, path: Path) -> str:
        """A path as a user reads it: from the working folder if it lies below, else whole."""
        with contextlib.suppress(ValueError):
            return str(path.relative_to(Path.cwd()))
        return str(path)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Held while the stack of this folder is started or stopped; StackError if another command does that now."""
        self.make()
        with (self.folder / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.seek(0)
                raise StackError(
                    f"{self.folder}: process {file.read().strip() or '?'} starts or stops this stack now; wait for it, or end it"
                ) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


@contextlib.contextmanager
def shared_lock(name: str, say: Callable[[str], None]) -> Iterator[None]:
    """Held by one process of this user at a time, across checkouts; waits for its turn, and says that it waits."""
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / f"{name}.lock").open("a+")
    except OSError as fault:
        raise StackError(f"{folder}: cannot be written ({fault.strerror}); choose another folder: MILLRACE_CACHE=...") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("waiting for another checkout that does the same now")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
