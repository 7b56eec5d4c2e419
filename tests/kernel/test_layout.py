"""Fingerprints, field lists and conversion by name."""

import json

import pytest

from streams.errors import KernelError
from streams.kernel import I8, I32, Array, Struct, Table
from streams.kernel.layout import adopt, field_list, fingerprint
from streams.kernel.struct import StructMeta


def made(name="State", **fields):
    return StructMeta(name, (Struct,), {"__module__": __name__, "__annotations__": fields})


Level = made("Level", px=int, qty=I32)
Wider = made("Level", note=I8, qty=int, px=int)


def stored(cls, sizes=None, **values):
    """An old object as a snapshot keeps it: JSON and bytes."""
    obj = cls(sizes or {"n": 2})
    for k, v in values.items():
        setattr(obj, k, v)
    return obj, json.loads(json.dumps(field_list(cls)))


def test_field_list_nested_fields_is_whole():
    cls = made(a=I8, level=Level, lots=Array(I32, 3), pool=Table(Level, "2 * n"))
    nested = [{"name": "px", "kind": "scalar", "offset": 0, "type": "i8"}, {"name": "qty", "kind": "scalar", "offset": 8, "type": "i4"}]
    assert field_list(cls) == [
        {"name": "a", "kind": "scalar", "offset": 0, "type": "i1"},
        {"name": "level", "kind": "struct", "offset": 8, "bytes": 16, "fields": nested},
        {"name": "lots", "kind": "array", "offset": 24, "type": "i4", "size": 3},
        {"name": "pool", "kind": "table", "offset": 40, "bytes": 16, "fields": nested, "size": "2 * n"},
    ]


def test_fingerprint_known_layout_never_changes():
    assert fingerprint(made(a=I8, level=Level)) == "0c3e1ec28d210d68"


def test_fingerprint_any_change_of_layout_changes_it():
    layouts = [
        made(a=int),
        made(b=int),
        made(a=I32),
        made(a=int, b=int),
        made(b=int, a=int),
        made(a=Level),
        made(a=Wider),
        made(a=Array(int, 2)),
        made(a=Table(int, "n")),
    ]
    assert len({fingerprint(cls) for cls in layouts}) == len(layouts)
    assert fingerprint(made("Other", a=int)) == fingerprint(layouts[0])


def test_adopt_same_layout_copies_every_byte():
    cls = made(a=I8, level=Level, lots=Array(I32, 3), pool=Table(Level, "n"))
    old, fields = stored(cls, a=3)
    old.level.px, old.lots[2], old.pool[1].qty = 7, 8, 9
    new = cls({"n": 2})
    assert adopt(new, fields, old.pack()) == []
    assert new.pack().tobytes() == old.pack().tobytes()


def test_adopt_fields_moved_widened_added_and_gone_tells_which():
    was = made(gone=int, a=I32, level=Level, pool=Table(Level, "n"), lots=Array(I8, 2))
    now = made(lots=Array(int, 4), pool=Table(Wider, "n"), added=float, a=float, level=Wider)
    old, fields = stored(was, a=-5)
    old.level.qty, old.pool[1].px, old.lots[1] = 4, 6, -3
    new = now({"n": 3})
    missed = adopt(new, fields, old.pack())
    assert sorted(missed) == ["State.added", "State.gone", "State.level.note", "State.pool.note"]
    assert (new.a, new.level.qty, new.pool[1].px, new.lots.v) == (-5.0, 4, 6, [0, -3, 0, 0])


@pytest.mark.parametrize(("was", "now", "cause"), [
    ({"a": int}, {"a": I8}, "State.a: stored value 1000 cannot be converted"),
    ({"a": float}, {"a": int}, "State.a: stored value 1000.0 cannot be converted"),
    ({"a": int}, {"a": Level}, "State.a: was scalar of i8, is now struct of structs: cannot be converted"),
])  # fmt: skip
def test_adopt_value_that_cannot_be_converted_names_the_field(was, now, cause):
    old, fields = stored(made(**was), a=1000)
    with pytest.raises(KernelError, match=cause):
        adopt(made(**now)(), fields, old.pack())


def test_adopt_table_shrunk_refused():
    old, fields = stored(made(lots=Table(int, "n")), {"n": 4})
    with pytest.raises(KernelError, match=r"State.lots: had 4 elements, has now 2"):
        adopt(made(lots=Table(int, "n"))({"n": 2}), fields, old.pack())
