"""Primitives: the Python body and the LLVM body are the same function."""

import ctypes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import PYFUNCS, below, bit, call1, call2, call3, call4, clz, ctz, handle_of, hash64
from streams.kernel.compile import compile_object
from streams.kernel.prim import primitive
from tests.kernel import sample

int64 = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 63).map(lambda i: 1 << i if i < 63 else -(1 << 63))


def wrap(x):
    return (x + (1 << 63)) % (1 << 64) - (1 << 63)


@settings(max_examples=100, deadline=None)
@given(int64)
def test_ctz_clz_any_word_equal_compiled(compiled, x):
    assert compiled["p_ctz"](x) == ctz(x)
    assert compiled["p_clz"](x) == clz(x)


@pytest.mark.parametrize("i", range(64))
def test_bit_below_each_position_equal_compiled(compiled, i):
    assert compiled["p_bit"](i) == bit(i) == wrap(1 << i)
    assert compiled["p_below"](i) == below(i) == wrap((1 << i) - 1)
    assert (ctz(bit(i)), clz(bit(i))) == (i, 63 - i)


@settings(max_examples=100, deadline=None)
@given(int64, st.integers(1, 63))
def test_hash64_any_key_equal_compiled_and_in_range(compiled, key, bits):
    assert compiled["p_hash64"](key, bits) == hash64(key, bits)
    assert 0 <= hash64(key, bits) < 1 << bits


def test_load_byte_equal_compiled(compiled):
    data = (ctypes.c_uint8 * 4)(0, 1, 128, 255)
    start = ctypes.addressof(data)
    assert [compiled["p_load_byte"](start + i) for i in range(4)] == [sample.p_load_byte(start + i) for i in range(4)] == [0, 1, 128, 255]


def test_prefetch_of_any_address_changes_nothing(compiled):
    assert [compiled["p_prefetch"](a) for a in (0, 64, -1, 1 << 60)] == [sample.p_prefetch(a) for a in (0, 64, -1, 1 << 60)]


@settings(max_examples=50, deadline=None)
@given(st.integers(-(1 << 40), 1 << 40))
def test_atomics_two_words_equal_compiled(compiled, v):
    plain, native = (ctypes.c_int64 * 2)(), (ctypes.c_int64 * 2)()
    assert sample.p_atomics(ctypes.addressof(plain), v) == compiled["p_atomics"](ctypes.addressof(native), v)
    assert list(plain) == list(native) == [v + 5, 11 if v == 9 else 9]  # the last swap finds 9


def test_call3_plain_calls_what_the_handle_stands_for():
    handle = handle_of(lambda a, b, c: a + 10 * b + 100 * c)
    assert handle > 0
    assert call3(handle, 1, 2, 3) == 321
    del PYFUNCS[handle]


def test_calls_plain_pass_as_many_arguments_as_they_say():
    handle = handle_of(lambda *args: sum(10**i * arg for i, arg in enumerate(args)))
    assert (call1(handle, 1), call2(handle, 1, 2), call3(handle, 1, 2, 3), call4(handle, 1, 2, 3, 4)) == (1, 21, 321, 4321)


def test_primitive_defined_after_the_first_compilation_compiles(compiled):
    @primitive(lambda b, x: b.mul(x, x))
    def late(x):
        """The square of a number."""
        return x * x

    scope = {"late": late}
    exec("def step(x):\n    return late(x) + 1\n", scope)  # a global of its own, as a module that is imported now would have it
    assert compile_object({"step": (scope["step"], 1)})
