"""Flat memory: what is packed is read back, for any class and any values; views and addresses read the same."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.errors import KernelError
from streams.kernel import F32, I8, I16, I32, U8, Array, Struct, Table, View, addr_of, at
from streams.kernel.fields import LIMITS
from streams.kernel.struct import StructMeta

SCALARS = {"i8": int, "i4": I32, "i2": I16, "i1": I8, "u1": U8, "f8": float, "f4": F32, "b1": bool}


class Leaf(Struct):
    key: int
    small: I8
    words: Table[I16, "m"]


class Pair(Struct):
    a: I8
    b: int


def values(code):
    if code in LIMITS:
        return st.integers(*LIMITS[code])
    return st.booleans() if code == "b1" else st.floats(allow_nan=False, width=32 if code == "f4" else 64)


@st.composite
def objects(draw):
    """An object of a random class, every number of it random."""
    kinds = st.sampled_from([*SCALARS.values(), Leaf, Pair])
    fields = {}
    for i in range(draw(st.integers(1, 6))):
        kind = draw(kinds)
        shape = draw(st.sampled_from(["one", "array", "table"]))
        fields[f"x{i}"] = kind if shape == "one" else Array(kind, draw(st.integers(1, 3))) if shape == "array" else Table(kind, "n")
    cls = StructMeta("Random", (Struct,), {"__module__": __name__, "__annotations__": fields}, align=draw(st.sampled_from([8, 64])))
    obj = cls(draw(st.fixed_dictionaries({"n": st.integers(0, 3), "m": st.integers(0, 2)})))
    fill(obj, draw)
    return obj


def fill(obj, draw):
    for name, f in type(obj)._fields_.items():
        held = getattr(obj, name)
        if f.kind == "scalar":
            setattr(obj, name, draw(values(f.elem)))
        elif f.kind == "struct":
            fill(held, draw)
        else:
            for i in range(held.n):
                if isinstance(f.elem, str):
                    held[i] = draw(values(f.elem))
                else:
                    fill(held[i], draw)


def tree(obj):
    """Every value, by name."""
    out = {}
    for name, f in type(obj)._fields_.items():
        held = getattr(obj, name)
        if f.kind == "struct":
            held = tree(held)
        elif f.kind != "scalar":
            held = [x if isinstance(f.elem, str) else tree(x) for x in held]
        out[name] = held
    return out


def blank(obj):
    sizes = {"n": 0, "m": 0}
    for name, f in type(obj)._fields_.items():
        held = getattr(obj, name)
        if f.kind == "table":
            sizes["n"] = held.n
        inner = held if f.elem is Leaf and f.kind == "struct" else held[0] if f.elem is Leaf and held.n else None
        if inner is not None:
            sizes["m"] = inner.words.n
    return type(obj)(sizes)


@settings(max_examples=60, deadline=None)
@given(objects())
def test_pack_any_object_unpack_reads_it_back(obj):
    flat = obj.pack()
    assert (flat.nbytes, flat.ctypes.data % 64) == (obj.nbytes(), 0)
    other = blank(obj).unpack(flat)
    assert tree(other) == tree(obj)
    assert other.pack().tobytes() == flat.tobytes()


@settings(max_examples=50, deadline=None)
@given(objects())
def test_view_any_object_shows_its_scalars(obj):
    view = View(type(obj), obj.pack())
    assert {k: getattr(view, k) for k in type(obj)._codes_} == {k: getattr(obj, k) for k in type(obj)._codes_}


def test_pack_block_moved_is_the_same_block():
    leaf = Leaf({"m": 3}, key=4)
    leaf.words[2] = 9
    moved = bytearray(leaf.pack().tobytes())
    assert View(Leaf, moved).words.tolist() == [0, 0, 9]


def test_unpack_other_sizes_refused():
    flat = Leaf({"m": 3}).pack()
    with pytest.raises(KernelError, match=r"Leaf.words: the flat form has 3 elements, this object 2"):
        Leaf({"m": 2}).unpack(flat)
    with pytest.raises(KernelError, match=r"takes .* bytes, the buffer has 64"):
        Leaf({"m": 99}).unpack(flat[:64])


def test_view_poke_checked_and_in_place():
    flat = Leaf({"m": 1}).pack()
    view = View(Leaf, flat)
    view.key = -5
    view.words[0] = 3
    assert tree(Leaf({"m": 1}).unpack(flat)) == {"key": -5, "small": 0, "words": [3]}
    with pytest.raises(OverflowError):
        view.small = 128
    with pytest.raises(KernelError, match="not a scalar field"):
        view.words = 1
    with pytest.raises(AttributeError, match="Leaf has no field nothing"):
        _ = view.nothing


def test_at_handle_gives_the_object_itself():
    pair = Pair(b=3)
    assert at(Pair, addr_of(pair)) is pair
    assert addr_of(pair) == addr_of(pair)
    assert tree(pair) == {"a": 0, "b": 3}


def test_at_memory_gives_a_copy():
    flat = Pair(a=-1, b=7).pack()
    copy = at(Pair, flat.ctypes.data)
    assert tree(copy) == {"a": -1, "b": 7}
    copy.b = 8
    assert at(Pair, flat.ctypes.data).b == 7


def test_at_memory_of_a_class_with_arrays_gives_a_copy():
    class Hash(Struct):
        n: int
        data: Array[U8, 4]

    raw = (ctypes.c_uint8 * Hash._size_)(*range(Hash._size_))
    assert tree(at(Hash, ctypes.addressof(raw))) == {"n": int.from_bytes(bytes(range(8)), "little"), "data": [8, 9, 10, 11]}


def test_pack_into_a_buffer_of_the_caller():
    buf = np.full(64, 255, np.uint8)
    Pair(a=1, b=2).pack(buf)
    assert buf[:16].tobytes() == Pair(a=1, b=2).pack().tobytes()[:16]


def test_pack_of_untouched_elements_is_that_of_touched_ones():
    class Inner(Struct):
        a: I8 = 3
        b: int = -1

    class Outer(Struct, align=64):
        n: int = 2
        few: Array[Inner, 3]
        many: Table[Inner, "rows"]
        none: Table[Inner, "rows - rows"]
        after: Table[int, "rows"]

    touched, untouched = Outer({"rows": 5}), Outer({"rows": 5})
    assert [x.b for x in (*touched.few, *touched.many)] == [-1] * 8
    assert untouched.nbytes() == touched.nbytes()
    assert untouched.pack().tobytes() == touched.pack().tobytes()
    touched.many[4].b = 7
    assert untouched.unpack(touched.pack()).many[4].b == 7


def test_elements_that_nobody_changed_are_not_made_to_pack_or_unpack():
    class Inner(Struct):
        a: I8 = 3
        pair: Pair
        words: Array[I16, 3]

    class Outer(Struct):
        few: Array[Inner, 3]
        many: Table[Inner, "rows"]

    written, read = Outer({"rows": 500}), Outer({"rows": 500})
    written.many[7].words[2] = -5
    assert read.few[1].a == 3  # asked for before: read as all that was asked for
    written.few[1].pair.b = 9
    flat = written.pack()
    assert [i for i, _ in written.many.made()] == [7]
    assert tree(read.unpack(flat)) == tree(written)
    again = Outer({"rows": 500}).unpack(flat)
    assert [[i for i, _ in items.made()] for items in (again.few, again.many)] == [[1], [7]]
    assert again.pack().tobytes() == flat.tobytes()
    again.few[0].a = 4
    assert again.unpack(flat).few[0].a == 3
