"""One sequence of operations, plain and compiled: the same answers and, at the end, the same bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.kernel import addr_of
from streams.kernel.fault import FAULT, guard, last_fault
from tests.kernel import sample

SIZES = {"n": 6}


@st.composite
def operations(draw):
    op = draw(st.sampled_from(sample.OPS))
    limit = sample.LIMITS.get(op, 1 << 40)
    low = 0 if op in (4, 15) else -limit
    high = 255 if op in (4, 15) else limit
    return op, draw(st.integers(-2, 13)), draw(st.integers(low, high) | st.sampled_from([low, 0, high]))


def both(compiled, ops):
    plain, other = sample.Sample(SIZES), sample.Sample(SIZES)
    flat = other.pack()
    run = guard(sample.sample_run)
    answers = [(run(addr_of(plain), *o), compiled["sample_run"](flat.ctypes.data, *o)) for o in ops]
    return plain, flat, answers


@settings(max_examples=80, deadline=None)
@given(st.lists(operations(), max_size=30))
def test_sample_any_operations_equal_compiled(compiled, ops):
    plain, flat, answers = both(compiled, ops)
    assert [a for a, _ in answers] == [b for _, b in answers]
    assert plain.pack().tobytes() == flat.tobytes()


@pytest.mark.parametrize(("op", "i", "v", "cause"), [
    (10, 6, 1, "IndexError"), (10, -1, 1, "IndexError"), (14, 3, 1, "IndexError"), (13, 12, 1, "IndexError"), (13, -1, 1, "IndexError"),
    (15, 16, 1, "IndexError"), (20, 0, 1, "ZeroDivisionError"), (21, 0, 1, "ZeroDivisionError"), (22, 0, 1, "ZeroDivisionError"),
    (27, 0, -1, "ValueError"),
])  # fmt: skip
def test_sample_error_faults_in_both_runs(compiled, op, i, v, cause):
    plain, flat, answers = both(compiled, [(0, 0, 5), (op, i, v)])
    assert answers[1] == (FAULT, FAULT)
    assert f"{cause}: " in last_fault()
    assert last_fault().startswith(sample.__file__ + ":")
    assert plain.pack().tobytes() == flat.tobytes()


def test_unpack_after_compiled_run_reads_its_state(compiled):
    obj = sample.Sample(SIZES)
    flat = obj.pack()
    compiled["sample_run"](flat.ctypes.data, 13, 7, 1234)
    obj.unpack(flat)
    assert (obj.pool[7].px_ticks, obj.pool[7].qty_lots) == (1234, 3)
