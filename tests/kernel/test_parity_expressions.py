"""Expressions that the rules allow give the same bits plain and compiled, on random inputs of the sizes that trading meets."""

import math
import random

import pytest

from streams.kernel import Struct, Table, at, native

INPUTS = 2000


class Numbers(Struct):
    """Two floats, two integers, and what came of them."""

    x: float
    y: float
    a: int
    b: int
    floats: Table[float, "19"]
    ints: Table[int, "17"]

    def evaluate(self) -> None:
        x, y, u = self.x, self.y, abs(self.x)
        out = self.floats
        out[0] = x + y * x - y / x
        out[1] = math.exp(y)
        out[2] = math.log(u)
        out[3] = math.sqrt(u)
        out[4] = math.sin(x)
        out[5] = math.tanh(y)
        out[6] = math.erf(y)
        out[7] = math.log1p(u)
        out[8] = math.expm1(y)
        out[9] = math.pow(u, y / 8)
        out[10] = u ** (y / 8)
        out[11] = x // y
        out[12] = x % y
        out[13] = round(x, 2)
        out[14] = math.atan2(x, y)
        out[15] = min(x, y) - max(x, y)
        out[16] = self.a / self.b
        out[17] = self.a * 0.1 + x
        out[18] = x * x * x
        self.integers(x, y)

    def integers(self, x: float, y: float) -> None:
        a, b, out = self.a, self.b, self.ints
        out[0] = a // b
        out[1] = a % b
        out[2] = a >> 3
        out[3] = (a % 1_000_000_000) * b
        quotient, rest = divmod(a, b)
        out[4] = quotient + rest
        out[5] = a & b | a ^ b
        out[6] = round(a / b)
        out[7] = int(a * 0.1)
        out[8] = round(x)
        out[9] = int(x)
        out[10] = math.floor(x)
        out[11] = math.ceil(y)
        out[12] = abs(a) - min(a, b) + max(a, b)
        out[13] = ~a + (-b)
        out[14] = int(a > b) + int(x > y) * 2 + int(a == b) * 4
        out[15] = a << 5 if a >= 0 else -(-a << 5)
        out[16] = b if (x < y and a > b) or not b else a


def evaluate(address: int) -> int:
    at(Numbers, address).evaluate()
    return 0


@pytest.fixture(scope="module")
def compiled(cache):
    loaded = native.load("expressions", lambda: {"evaluate": (evaluate, 1)}, [__file__])
    return native.function(loaded.evaluate, 1)


@pytest.mark.slow
def test_expressions_random_inputs_equal_to_the_last_bit(compiled):
    rng = random.Random(1)
    for _ in range(INPUTS):
        plain = Numbers(
            x=rng.choice([rng.gauss(0, 3), rng.uniform(1e-6, 1e6)]),
            y=rng.choice([rng.gauss(0, 2), rng.uniform(-20, 20)]),
            a=rng.randrange(-(10**12), 10**12),
            b=rng.randrange(1, 10**6) * rng.choice([1, -1]),
        )
        flat = plain.pack()
        compiled(flat.ctypes.data)
        plain.evaluate()
        if plain.pack().tobytes() != flat.tobytes():
            pytest.fail(f"{plain}: {different(plain, Numbers().unpack(flat))}")


def different(plain: Numbers, other: Numbers) -> list[str]:
    """Name, plain and compiled value of each item that differs."""
    pairs = [
        (f"{name}[{i}]", v, w)
        for name in ("floats", "ints")
        for i, (v, w) in enumerate(zip(getattr(plain, name), getattr(other, name), strict=True))
    ]
    return [f"{name}: {v!r} != {w!r}" for name, v, w in pairs if v != w]
