"""The compiled code of a topology's processes, made ready before a run."""

import subprocess
import sys

from streams.errors import ConfigError

__all__ = ["Kernel"]


class Kernel:
    """Compiles, or loads, what the processes will run, in a process of its own: none of them compiles while the market plays."""

    def __init__(self, path: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-m", "streams.topology.warm", path])

    def __enter__(self) -> "Kernel":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self) -> None:
        """Until it is ready; ConfigError when it is not, after its own words."""
        if self.process.wait():
            raise ConfigError("the kernel cannot be compiled; its reason stands above")
