"""Struct classes: layout, construction, checked stores and indices, inheritance, what is refused."""

import doctest
from typing import ClassVar

import pytest

from streams.errors import KernelError
from streams.kernel import F32, I8, I16, I32, NULL, U8, Array, Struct, Table, struct
from streams.kernel.struct import StructMeta
from tests.kernel import annotated


class Level(Struct):
    px_ticks: int = NULL
    qty_lots: I32 = 1


class Book(Struct, align=64):
    LIMIT: ClassVar[int] = 5
    count: I8
    ratio: F32
    flag: bool
    top: Level
    tags: Array[U8, 3]
    lots: Table[I16, "n"]
    levels: Table[Level, "max(2 * n, 1)"]

    def best(self) -> int:
        return self.top.px_ticks


def offsets(cls):
    return {name: f.offset for name, f in cls._fields_.items()}


def test_layout_mixed_fields_natural_alignment():
    assert offsets(Book) == {"count": 0, "ratio": 4, "flag": 8, "top": 16, "tags": 32, "lots": 40, "levels": 56}
    assert (Book._size_, Book._align_, Level._size_) == (128, 64, 16)


def test_layout_nested_struct_raises_alignment_of_the_outer():
    outer = StructMeta("Outer", (Struct,), {"__module__": __name__, "__annotations__": {"n": I8, "book": Book}})
    assert (offsets(outer), outer._size_, outer._align_) == ({"n": 0, "book": 64}, 192, 64)


def test_annotations_as_strings_same_layout():
    assert offsets(annotated.Book) == offsets(Book)
    assert annotated.Book(sizes={"n": 2}).best() == NULL


def test_annotations_as_strings_of_a_local_name_found():
    assert annotated.local()._fields_["inner"].elem.__name__ == "Inner"


def test_subclass_base_fields_first_methods_inherited():
    class Wide(Book):
        extra: int = 4

    assert list(Wide._fields_) == [*Book._fields_, "extra"]
    assert offsets(Wide)["extra"] == 72
    wide = Wide(sizes={"n": 1}, extra=9, count=2)
    assert (wide.best(), wide.extra, wide.count) == (NULL, 9, 2)


def test_subclass_two_bases_with_fields_refused():
    with pytest.raises(KernelError, match="Level and Book have fields; only one base may"):
        type("Both", (Level, Book), {"__module__": __name__})


@pytest.mark.parametrize(("annotation", "cause"), [
    (str, "str cannot be a field; use int"), (list, "list cannot be a field"), (Struct, "Struct cannot be a field"),
    ("Absent", "'Absent' cannot be evaluated"),
    (int | None, "int | None cannot be a field"), (Array(int, 0), "Array has size 0"), (Array(Array(int, 2), 2), "cannot be a field"),
    (Array(int, "n"), "or use Table"),
])  # fmt: skip
def test_field_unsupported_type_refused_with_its_name(annotation, cause):
    with pytest.raises(KernelError, match=r"test_struct.Bad.x: ") as e:
        StructMeta("Bad", (Struct,), {"__module__": __name__, "__annotations__": {"x": annotation}})
    assert cause in str(e.value)


@pytest.mark.parametrize("name", ["pack", "_hidden", "px_ticks"])
def test_field_name_taken_or_reserved_refused(name):
    with pytest.raises(KernelError, match="choose another field name"):
        StructMeta("Bad", (Level,), {"__module__": __name__, "__annotations__": {name: int}})


def test_array_without_size_refused():
    with pytest.raises(KernelError, match=r"Array\[\.\.\.\] takes an element type and a size, as in Array\[int, 16\]"):
        Array[int]


@pytest.mark.parametrize(("field", "value", "error"), [
    ("count", 128, OverflowError), ("count", -129, OverflowError), ("count", 1.0, TypeError),
    ("count", None, TypeError), ("flag", 2, OverflowError), ("flag", 1.0, OverflowError),
    ("ratio", "one", ValueError), ("ratio", 1e60, OverflowError), ("top", Level(), AttributeError),
    ("lots", [1], AttributeError), ("nothing", 1, AttributeError),
])  # fmt: skip
def test_assign_value_that_compiled_would_spoil_raises(field, value, error):
    book = Book(sizes={"n": 2})
    before = book.pack().tobytes()
    with pytest.raises(error):
        setattr(book, field, value)
    assert book.pack().tobytes() == before


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_assign_int64_out_of_range_raises(value):
    with pytest.raises(OverflowError, match="does not fit i8"):
        Level().px_ticks = value


def test_assign_float32_keeps_what_memory_holds():
    book = Book(sizes={"n": 0})
    book.ratio = 0.1
    assert book.ratio == 0.10000000149011612


@pytest.mark.parametrize("i", [-1, 2, 1 << 40])
def test_index_outside_raises(i):
    book = Book(sizes={"n": 2})
    with pytest.raises(IndexError):
        book.lots[i]
    with pytest.raises(IndexError):
        book.lots[i] = 1
    with pytest.raises(IndexError):
        book.tags[i + 1 if i > 0 else i]


def test_items_store_checked_and_struct_items_in_place():
    book = Book(sizes={"n": 2})
    with pytest.raises(OverflowError, match="does not fit i2"):
        book.lots[0] = 40_000
    with pytest.raises(TypeError, match="use int"):
        book.lots[0] = 1.5
    with pytest.raises(TypeError, match="lies in place"):
        book.levels[0] = Level()
    book.levels[3].qty_lots = 7
    assert [x.qty_lots for x in book.levels] == [1, 1, 1, 7]
    assert (len(book.lots), book.lots.n, repr(book.lots)) == (2, 2, "[0, 0](2)")


@pytest.mark.parametrize(("sizes", "cause"), [
    ({}, "size 'n' cannot be computed .*sizes given: none"), ({"n": 1.5}, "size 'n' is 1.5"),
    ({"n": -1}, "a whole number from 0 is needed"),
])  # fmt: skip
def test_construct_without_a_size_refused(sizes, cause):
    with pytest.raises(KernelError, match=rf"Book.lots: .*{cause}"):
        Book(sizes)


def test_construct_unknown_field_refused():
    with pytest.raises(TypeError, match="Level has no field px; fields: px_ticks, qty_lots"):
        Level(px=1)


def test_repr_scalars():
    assert repr(Level(px_ticks=5)) == "Level(px_ticks=5, qty_lots=1)"


def test_docstring_examples_are_true():
    assert doctest.testmod(struct).failed == 0
