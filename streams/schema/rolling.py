"""The rolling hash over what a process writes: equal hashes mean the same bodies in the same order, wherever batches end (contract 16)."""

from hashlib import blake2b

__all__ = ["EMPTY_HASH", "roll"]

EMPTY_HASH = bytes(16)  # the rolling hash before the first output of a run


def roll(digest: bytes, body: bytes | memoryview) -> bytes:
    """The rolling hash after one more output body: BLAKE2b-128 over the hash before it and the body. Where batches end does not matter."""
    return blake2b(digest + body, digest_size=16).digest()
