"""BLAKE2b-128 in compiled code: `roll`, the journal's rolling hash after one more body, as `hashlib` computes it (RFC 7693).

The 96 mixings of a block are written out as machine code by a primitive: Numba would take seconds to type them. Plain it is Python.
"""

import ctypes
import struct
from itertools import starmap
from typing import Any

from llvmlite import ir

from streams.kernel import store_byte, store_word
from streams.kernel.prim import I64, primitive
from streams.kernel.raw import load_word
from streams.schema.bulk_put import copy

__all__ = ["DIGEST_BYTES", "STATE_BYTES", "compress", "roll"]

DIGEST_BYTES = 16
STATE_BYTES = 192  # a block, which begins with the digest, and the eight words of the chain

BLOCK = 128
CHAIN = 128  # where the chain stands in the state
MASK = (1 << 64) - 1
IV = (
    *(0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1),
    *(0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179),
)
FIRST_CHAIN = tuple(x - (x >> 63 << 64) for x in (IV[0] ^ 0x01010000 ^ DIGEST_BYTES, *IV[1:]))
SIGMA = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
ROUNDS = (*SIGMA, *SIGMA[:2])
QUARTERS = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15), (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def _mix(v: list[Any], m: list[Any], add: Any, xor: Any, rotate: Any) -> None:
    """The twelve rounds over sixteen words, of numbers or of code."""
    for sigma in ROUNDS:
        for i, (a, b, c, d) in enumerate(QUARTERS):
            x, y = m[sigma[2 * i]], m[sigma[2 * i + 1]]
            v[a] = add(add(v[a], v[b]), x)
            v[d] = rotate(xor(v[d], v[a]), 32)
            v[c] = add(v[c], v[d])
            v[b] = rotate(xor(v[b], v[c]), 24)
            v[a] = add(add(v[a], v[b]), y)
            v[d] = rotate(xor(v[d], v[a]), 16)
            v[c] = add(v[c], v[d])
            v[b] = rotate(xor(v[b], v[c]), 63)


def _compress_code(b: Any, chain: Any, block: Any, counted: Any, last: Any) -> Any:
    """LLVM of `compress`."""
    name = "llvm.fshr.i64"
    turn = b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(I64, [I64] * 3), name)

    def place(base: Any, i: int) -> Any:
        return b.inttoptr(b.add(base, I64(8 * i)), I64.as_pointer())

    h = [b.load(place(chain, i), align=1) for i in range(8)]
    v = [*h, *(I64(x) for x in IV)]
    v[12] = b.xor(v[12], counted)
    v[14] = b.xor(v[14], last)
    m = [b.load(place(block, i), align=1) for i in range(16)]
    _mix(v, m, b.add, b.xor, lambda x, n: b.call(turn, [x, x, I64(n)]))
    for i, word in enumerate(starmap(b.xor, zip(v[:8], v[8:], strict=True))):
        b.store(b.xor(h[i], word), place(chain, i), align=1)


@primitive(_compress_code, returns=False)
def compress(chain: int, block: int, counted: int, last: int) -> None:
    """Take 128 bytes at `block` into the eight words at `chain`. counted: bytes so far, with these; last: -1 for the last block, else 0."""
    h = struct.unpack("<8Q", ctypes.string_at(chain, 64))
    v = [*h, *IV]
    v[12] ^= counted
    v[14] ^= last & MASK
    m = list(struct.unpack("<16Q", ctypes.string_at(block, BLOCK)))
    _mix(v, m, lambda x, y: (x + y) & MASK, lambda x, y: x ^ y, lambda x, n: (x >> n | x << 64 - n) & MASK)
    ctypes.memmove(chain, struct.pack("<8Q", *(a ^ x ^ y for a, x, y in zip(h, v[:8], v[8:], strict=True))), 64)


def roll(state: int, body: int, size: int) -> None:
    """Put the digest after one more body in place of the digest before it: BLAKE2b-128 over both, as `lanes.journal.roll`.

    state: STATE_BYTES of memory whose first DIGEST_BYTES are the digest; body: `size` bytes, no more are read.
    """
    chain = state + CHAIN
    for i in range(8):
        store_word(chain + 8 * i, FIRST_CHAIN[i])
    taken = size if size < BLOCK - DIGEST_BYTES else BLOCK - DIGEST_BYTES
    counted = DIGEST_BYTES + taken
    block, end = state, copy(state + DIGEST_BYTES, body, taken)
    while True:  # the code of `compress` stands here once: its 6 kB stay in the processor's cache
        last = 0
        if taken == size:
            _clear(end, state + BLOCK)
            last = -1
        compress(chain, block, counted, last)
        if last != 0:
            break
        left = size - taken
        block = body + taken
        if left <= BLOCK:
            block, end = state, copy(state, block, left)
        taken += left if left <= BLOCK else BLOCK
        counted = DIGEST_BYTES + taken
    store_word(state, load_word(chain))
    store_word(state + 8, load_word(chain + 8))


def _clear(q: int, end: int) -> None:
    """Zeros from `q` to `end`."""
    while end - q >= 8:
        store_word(q, 0)
        q += 8
    while q < end:
        store_byte(q, 0)
        q += 1
