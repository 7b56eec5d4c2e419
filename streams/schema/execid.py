"""A venue's execution id in 16 bytes of memory: two int64, big-endian.

Ids of at most 16 ASCII characters stand there as they are, padded with zeros. Longer ones stand as BLAKE2b-128 with the two highest bits
set, which ASCII never has; as text such an id is "#" and 32 hex digits. Both come back to the same bytes.
"""

import struct
from hashlib import blake2b

__all__ = ["exec_id_text", "exec_id_words"]

WORDS = struct.Struct(">qq")
MARK = "#"


def exec_id_words(exec_id: str) -> tuple[int, int]:
    """The two int64 of an execution id; exec_hi is never NULL."""
    if len(exec_id) <= 16 and exec_id.isascii() and "\0" not in exec_id:
        hi, lo = WORDS.unpack(exec_id.encode().ljust(16, b"\0"))
        return hi, lo
    hashed = _hashed(exec_id)
    if hashed is None:
        digest = blake2b(exec_id.encode(), digest_size=16).digest()
        hashed = bytes((digest[0] | 0xC0,)) + digest[1:]
    hi, lo = WORDS.unpack(hashed)
    return hi, lo


def exec_id_text(hi: int, lo: int) -> str:
    """The id itself, or "#" and the hex digits of its hash."""
    data = WORDS.pack(hi, lo)
    return MARK + data.hex() if data[0] >= 0x80 else data.rstrip(b"\0").decode("ascii", "replace")


def _hashed(exec_id: str) -> bytes | None:
    """The 16 bytes of an id that is a hash already, so that it keeps its bytes on a second way into memory."""
    if len(exec_id) != 33 or exec_id[0] != MARK:
        return None
    digits = exec_id[1:]
    if digits != digits.lower() or any(c not in "0123456789abcdef" for c in digits) or digits[0] < "c":
        return None
    return bytes.fromhex(digits)
