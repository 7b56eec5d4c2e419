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
    names = sorted([*kinds, *flags, "SLOTS"]) + sorted(x.name for x in slots)
    text = HEAD.format(header=header) + "\n__all__ = [\n" + "".join(f'    "{n}",\n' for n in names) + "]\n\n"
    text += "".join(f"{k} = {x.kind}\n" for k, x in zip(kinds, slots, strict=True)) + "\n"
    text += "".join(f"{k} = {v}  # {meaning[k]}\n" for k, v in flags.items())
    docs = {layout(s).name: s.doc for s in SCHEMAS.values() if s.slot}
    text += "".join("\n\n" + _slot(x, k, docs[x.name]) for k, x in zip(kinds, slots, strict=True))
    table = "".join(f"    {k}: {x.name},\n" for k, x in zip(kinds, slots, strict=True))
    return text + f"\n\nSLOTS: dict[int, type[Struct]] = {{\n{table}}}\n"


def _slot(x: Layout, kind: str, doc: str) -> str:
    text = f"class {x.name}(Struct, align={x.size}):\n{docstring(f'{doc} {x.size} bytes.')}\n"
    for f in x.fields:
        default = kind if f.name == "kind" else f.default
        prefix = f"{f.name}: {f.type}" + ("" if default == "0" else f" = {default}")
        text += f"    {prefix}\n" if f.convert == "header" else comment(prefix, f.doc)
    return text


def _upper(slot: str) -> str:
    """LevelSlot gives LEVEL, BookUpdateSlot would give BOOK_UPDATE."""
    return "".join("_" + c if c.isupper() else c for c in slot.removesuffix("Slot")).lstrip("_").upper()
