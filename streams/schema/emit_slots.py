"""Text of `streams/slots.py`: the records as they lie in memory."""

from streams.schema.emit_records import comment, docstring
from streams.schema.layout import HEADER, Layout, layout
from streams.schema.model import SCHEMAS

__all__ = ["slots_text"]

HEAD = '''"""Every record as it lies in memory: ticks, lots, money units, numbers. Generated from schemas/ by `make generate`.

A slot is 64, 128 or 256 bytes; its first 40 are equal in all of them:
{header}
Null is NULL in an int64, -1 in a number of the dictionary or a flag. A book update is one LevelSlot a level (qty_lots -1: no level at all).
`streams.schema.edge` converts records to slots and back.
"""

from streams.kernel import I8, I32, NULL, Struct
'''

BASE = '''

class Slot(Struct, align=64):
    """The first 40 bytes of every slot."""

{fields}
    def stamp(self, id: int, cause_id: int, ts_ns: int, recv_ts_ns: int, instrument: int, kind: int, side: int) -> None:
        """Fill in the header of a record that is written now."""
        self.id = id
        self.cause_id = cause_id
        self.ts_ns = ts_ns
        self.recv_ts_ns = recv_ts_ns
        self.instrument = instrument
        self.kind = kind
        self.side = side
        self.flags = 0
        self.spare = 0
'''


def slots_text() -> str:
    """The whole file, as `ruff format` leaves it."""
    slots = sorted((layout(s) for s in SCHEMAS.values() if s.slot), key=lambda x: x.kind)
    kinds = [f"KIND_{_upper(x.name)}" for x in slots]
    flags = {"FLAG_LAST": 1, "FLAG_GAP": 2, "FLAG_SNAPSHOT": 4, "FLAG_FIRST": 8}
    meaning = {
        "FLAG_LAST": "last slot of its record",
        "FLAG_GAP": "sequence numbers are missing before it",
        "FLAG_SNAPSHOT": "the whole book",
        "FLAG_FIRST": "first slot of its record: a snapshot clears the book here",
    }
    header = "\n".join(f"    {f.name:<12}{f.type:<5}{f.doc}" for f in HEADER)
    names = sorted([*kinds, *flags, "SLOTS"]) + sorted(["Slot", *(x.name for x in slots)])
    text = HEAD.format(header=header) + "\n__all__ = [\n" + "".join(f'    "{n}",\n' for n in names) + "]\n\n"
    text += "".join(f"{k} = {x.kind}\n" for k, x in zip(kinds, slots, strict=True)) + "\n"
    text += "".join(f"{k} = {v}  # {meaning[k]}\n" for k, v in flags.items())
    docs = {layout(s).name: s.doc for s in SCHEMAS.values() if s.slot}
    text += BASE.format(fields="".join(f"    {_field(f.name, f.type, f.default)}\n" for f in HEADER))
    text += "".join("\n\n" + _slot(x, docs[x.name]) for x in slots)
    table = "".join(f"    {k}: {x.name},\n" for k, x in zip(kinds, slots, strict=True))
    return text + f"\n\nSLOTS: dict[int, type[Slot]] = {{\n{table}}}\n"


def _slot(x: Layout, doc: str) -> str:
    text = f"class {x.name}(Slot, align={x.size}):\n{docstring(f'{doc} {x.size} bytes.')}\n"
    for f in x.fields[len(HEADER) :]:
        text += comment(_field(f.name, f.type, f.default), f.doc)
    return text


def _field(name: str, type: str, default: str) -> str:
    return f"{name}: {type}" + ("" if default == "0" else f" = {default}")


def _upper(slot: str) -> str:
    """LevelSlot gives LEVEL, BookUpdateSlot would give BOOK_UPDATE."""
    return "".join("_" + c if c.isupper() else c for c in slot.removesuffix("Slot")).lstrip("_").upper()
