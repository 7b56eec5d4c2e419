"""Clients that any thread may close: what their calls use is freed when nobody is inside of one."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from streams.errors import LaneError

__all__ = ["InUse", "inside"]

_P = ParamSpec("_P")
_R = TypeVar("_R")
_S = TypeVar("_S", bound="InUse")


class InUse(ABC):
    """A client whose calls are marked `@inside`; close() calls `_free`, or the last who leaves when somebody is still inside."""

    def __init__(self) -> None:
        self._door = threading.Lock()
        self._users = 0
        self._ended = False

    @abstractmethod
    def _free(self) -> None:
        """Give back what the calls use."""

    def close(self) -> None:
        """Refuse calls from now on, and free; does not wait for calls that other threads are in. A second close does nothing."""
        with self._door:
            last = not self._ended and not self._users
            self._ended = True
        if last:
            self._free()

    def _enter(self) -> None:
        with self._door:
            if self._ended:
                raise LaneError("this Kafka client is closed")
            self._users += 1

    def _leave(self) -> None:
        with self._door:
            self._users -= 1
            last = self._ended and not self._users
        if last:
            self._free()


def inside(method: Callable[Concatenate[_S, _P], _R]) -> Callable[Concatenate[_S, _P], _R]:
    """A call of a client that is not freed before the call has returned; LaneError when it is closed already."""

    @wraps(method)
    def call(self: _S, *args: _P.args, **named: _P.kwargs) -> _R:
        self._enter()
        try:
            return method(self, *args, **named)
        finally:
            self._leave()

    return call
