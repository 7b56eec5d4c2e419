"""From Numba's report to one line of the user's: `path:line: cause; remedy`."""

import contextlib
from collections.abc import Iterator

from streams.errors import CompileError

__all__ = ["explained"]


@contextlib.contextmanager
def explained(name: str) -> Iterator[None]:
    """Turn Numba's errors inside into CompileError."""
    from numba.core.errors import NumbaError

    try:
        yield
    except NumbaError as e:
        raise CompileError(f"{name}: {e}") from None
