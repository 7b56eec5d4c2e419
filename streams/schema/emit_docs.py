"""Text of `docs/topics.md`: one section a topic."""

from streams.schema.layout import Layout, layout
from streams.schema.model import COMMON, ENUMS, NESTED, SCHEMAS, Field, Schema

__all__ = ["docs_text"]

HEAD = """# Topics

Generated from `schemas/` by `make generate`. Every record begins with `id`, `cause_id`, `run_id`, `ts_ns` and `recv_ts_ns`:

| field | type | meaning |
|---|---|---|
"""
KEPT = {"forever": "forever", "compact": "the last 3 (compacted)"}


def docs_text() -> str:
    """The whole page."""
    first = next(iter(SCHEMAS.values()))
    text = HEAD + "".join(_row(f) for f in first.fields[: len(COMMON)])
    text += "\n| topic | record | written by | kept | slot |\n|---|---|---|---|---|\n"
    for s in sorted(SCHEMAS.values(), key=lambda s: s.topic):
        slot = f"{layout(s).name}, {layout(s).size} bytes" if s.slot else ""
        text += f"| [`{s.topic}`](#{_anchor(s)}) | {s.name} | {s.written_by} | {KEPT.get(s.retention, s.retention)} | {slot} |\n"
    return text + "".join(_section(s) for s in sorted(SCHEMAS.values(), key=lambda s: s.topic)) + _enums()


def _section(s: Schema) -> str:
    text = f"\n## {s.topic}\n\n{s.doc} Record `{s.name}`, written by {s.written_by}, kept {KEPT.get(s.retention, s.retention)}.\n\n"
    text += "| field | type | meaning |\n|---|---|---|\n" + "".join(_row(f) for f in s.fields[len(COMMON) :])
    for f in s.fields:
        if f.type == "array" and f.of in NESTED:
            nested = NESTED[f.of]
            text += f"\nEach of `{f.name}` ({nested.doc[0].lower()}{nested.doc[1:].rstrip('.')}):\n\n"
            text += "| field | type | meaning |\n|---|---|---|\n" + "".join(_row(x) for x in nested.fields)
    if s.slot:
        text += _memory(layout(s))
    return text


def _memory(x: Layout) -> str:
    fields = ", ".join(f"`{f.name}`" for f in x.fields if f.convert != "header")
    return f"\nIn memory: `{x.name}` (kind {x.kind}, {x.size} bytes), after the header: {fields}.\n"


def _row(f: Field) -> str:
    kind = {"enum": f.of, "array": f"array of {f.of}", "money": "decimal(38, 9)", "fixed": f"fixed({f.size})"}.get(f.type, f.type)
    kind = f"[{kind}](#{kind.lower()})" if f.type == "enum" else kind
    doc = f.doc.replace("|", "\\|")
    return f"| `{f.name}` | {kind}{', null' if f.nullable else ''} | {doc} |\n"


def _enums() -> str:
    text = "\n# Enums\n\nThe number of a symbol in memory is its place, from 0.\n"
    for name in sorted(ENUMS):
        e = ENUMS[name]
        text += f"\n## {name}\n\n{e.doc}\n\n" + ", ".join(f"{i} `{s}`" for i, s in enumerate(e.symbols)) + "\n"
    return text


def _anchor(s: Schema) -> str:
    return s.topic.replace(".", "").replace("*", "")
