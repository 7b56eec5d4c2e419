"""Calls into a library that may never return: given up after a bound, so that the process can say so and start over."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

__all__ = ["Bounded"]

_LOOK_S = 0.2


class Bounded:
    """Runs calls on a thread of its own. After a call was given up its thread, and what the call holds, is lost for good."""

    def __init__(self) -> None:
        self.lost = False
        self._calls: SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...]] | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[Any, BaseException | None]] = SimpleQueue()
        threading.Thread(target=self._serve, name="bounded", daemon=True).start()  # daemon: a lost call does not keep the process

    def call(self, bound_s: float, function: Callable[..., Any], *args: Any, hopeless: Callable[[], bool] = lambda: False) -> Any:
        """What the function returns or raises; TimeoutError when it has not returned within the bound, or `hopeless` says not to wait."""
        if self.lost:
            raise TimeoutError("an earlier call never returned")
        self._calls.put((function, args))
        until_s = time.monotonic() + bound_s
        while True:
            try:
                result, error = self._results.get(timeout=max(0.0, min(_LOOK_S, until_s - time.monotonic())))
                break
            except Empty:
                if time.monotonic() >= until_s or hopeless():
                    self.lost = True
                    raise TimeoutError(f"no return within {bound_s:.0f} s") from None
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """End the thread, unless a call has it."""
        self._calls.put(None)

    def _serve(self) -> None:
        while (task := self._calls.get()) is not None:
            function, args = task
            try:
                self._results.put((function(*args), None))
            except BaseException as error:
                self._results.put((None, error))
