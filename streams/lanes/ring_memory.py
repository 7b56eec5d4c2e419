"""The memory of a ring: a file mapped with its slots twice in a row, so that a record that wraps round the end is contiguous."""

import ctypes
import errno
import mmap
import os
import sys
import time
import weakref
from typing import Any

import numpy as np

from streams.errors import LaneError
from streams.kernel.fields import up

__all__ = ["RingMemory", "reserve"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64]
_LIBC.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_POPULATE_WRITE = 23  # MADV_POPULATE_WRITE: as if each page were written, without changing it
_COLLAPSE = 25  # MADV_COLLAPSE: into huge pages now, whatever the host does by itself; Linux 6.1
_HUGE_NBYTES = 2 << 20
_PATIENCE_S, _NAP_S = 1.0, 0.01
_LIBC.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
_MAP_FIXED = 0x10  # Linux, macOS, BSD
_FAILED = ctypes.c_void_p(-1).value


class RingMemory:
    """A mapped ring: `address` of its header, `data` of its slots; mapped until `close` or until nobody holds it."""

    def __init__(self, path: str, fd: int, header_nbytes: int, data_nbytes: int) -> None:
        whole = header_nbytes + 2 * data_nbytes
        kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        reserved = _map(path, None, whole + _HUGE_NBYTES, 0, kind, -1, 0)  # the addresses, so that nothing else comes between
        start = up(reserved, _HUGE_NBYTES)  # where a huge page of the file could be one of ours
        _unmap(reserved, start)
        _unmap(start + up(whole, mmap.PAGESIZE), reserved + up(whole + _HUGE_NBYTES, mmap.PAGESIZE))
        self.address, self.data = start, start + header_nbytes
        shared, both = mmap.MAP_SHARED | _MAP_FIXED, mmap.PROT_READ | mmap.PROT_WRITE
        _map(path, start, header_nbytes + data_nbytes, both, shared, fd, 0)
        _map(path, start + header_nbytes + data_nbytes, data_nbytes, both, shared, fd, header_nbytes)
        self._unmap = weakref.finalize(self, _LIBC.munmap, start, whole)
        self._whole, self._file_nbytes = whole, header_nbytes + data_nbytes

    def bytes_at(self, offset: int, nbytes: int) -> Any:
        """A numpy array of bytes over part of it, from `offset` after the header's start; valid until it is closed."""
        return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(self.address + offset))

    def populate(self) -> None:
        """Have every page of it at hand: the first touch of a page costs a microsecond, which a loop would pay once in each slot's page."""
        pages = range(self.address, self.address + self._whole, mmap.PAGESIZE)
        if sys.platform == "linux" and _LIBC.madvise(self.address, self._whole, _POPULATE_WRITE) == 0:
            return
        for page in pages:  # before Linux 5.14
            ctypes.c_uint8.from_address(page).value  # noqa: B018

    def collapse(self) -> str:
        """Put the file's pages into huge ones of 2 MiB, for everybody who maps it from now on; why the host does not, "" = it has.

        Takes some 3 ms a MiB, and no more memory. What does not fill a huge page stays as it is.
        """
        if self._file_nbytes < _HUGE_NBYTES:
            return ""
        if sys.platform != "linux":
            return "this system has none"
        until_s = time.monotonic() + _PATIENCE_S
        while _LIBC.madvise(self.address, self._file_nbytes, _COLLAPSE) != 0:
            number = ctypes.get_errno()
            if number == errno.EINVAL:
                return "needs Linux 6.1 and transparent huge pages"
            if number != errno.EAGAIN or time.monotonic() > until_s:  # EAGAIN: some page is in use at this moment
                return os.strerror(number)
            time.sleep(_NAP_S)
        return ""

    @property
    def closed(self) -> bool:
        """Whether it is mapped no more."""
        return not self._unmap.alive

    def close(self) -> None:
        """Unmap it: whoever touches its addresses after this ends the process."""
        self._unmap()


def _unmap(start: int, end: int) -> None:
    if end > start:
        _LIBC.munmap(start, end - start)


def _map(path: str, at: int | None, nbytes: int, access: int, kind: int, fd: int, offset: int) -> int:
    found = _LIBC.mmap(at, nbytes, access, kind, fd, offset)
    if found is None or found == _FAILED:
        raise LaneError(f"{path}: {nbytes:,} bytes cannot be mapped: {os.strerror(ctypes.get_errno())}")
    return found


def reserve(path: str, fd: int, nbytes: int) -> None:
    """Give the file all its bytes now; LaneError if the place has not as many (a sparse file would end the process when it is written)."""
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, nbytes)
        else:
            os.ftruncate(fd, nbytes)
    except OSError as e:
        raise LaneError(
            f"{path}: {nbytes:,} bytes cannot be reserved ({e.strerror}); free some, take fewer slots, or another folder"
        ) from None
