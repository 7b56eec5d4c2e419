"""Where a body of another version of a schema is damaged: field, byte offset and reason. Slow and obvious; asked for dead letters alone."""

import struct
from collections.abc import Sequence
from typing import Any

from streams.errors import SchemaError
from streams.schema import bulk_kernel as k
from streams.schema import wire
from streams.schema.bulk_table import Step
from streams.schema.evolution import resolve
from streams.schema.model import Schema

__all__ = ["damage"]

INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1
NULL_BRANCH = {k.NULL_FIRST: 0, k.NULL_SECOND: 2}


def damage(schema: Schema, writer: dict[str, Any], body: bytes) -> str:
    """`field at byte n: why` for a body written with `writer`; "" if nothing is damaged, or the schema cannot be followed here."""
    try:
        steps = resolve(schema, writer)
    except SchemaError:
        return ""
    walk = _Walk(body)
    try:
        walk.record(steps)
    except (IndexError, struct.error):
        why = f"is cut off: the body has only {len(body)} bytes"
    except UnicodeDecodeError:
        why = "is no UTF-8"
    except ValueError as error:
        why = str(error)
    else:
        if walk.p == len(body):
            return ""
        return f"the record ends at byte {walk.p}, but the body has {len(body)}: bytes after the last field"
    return f"{walk.field} at byte {min(walk.p, len(body))}: {why}"


class _Walk:
    """A place in a body. field: the name of what is read there."""

    def __init__(self, body: bytes) -> None:
        self.b, self.p, self.field = body, 0, ""

    def record(self, steps: Sequence[Step]) -> None:
        at = 0
        while at < len(steps):
            step = steps[at]
            self.field = _name(step)
            at += 1
            if step.op == k.ARRAY:
                self.array(steps[at : at + step.fields])
                at += step.fields
            else:
                self.value(step)

    def array(self, inner: Sequence[Step]) -> None:
        own = self.field
        while count := self.long():
            if count < 0:
                self.long()  # the block's size in bytes: its elements tell where it ends
            for _ in range(abs(count)):
                for step in inner:
                    self.field = f"{own}[].{_name(step)}".rstrip(".")
                    self.value(step)
            self.field = own

    def value(self, step: Step) -> None:
        if step.op == k.DEFAULT:
            return
        if step.union:
            branch = self.b[self.p]
            if branch not in (0, 2):
                raise wire.Bad("has no such branch of its union")
            self.p += 1
            if branch == NULL_BRANCH[step.union]:
                if not step.field.nullable:
                    raise wire.Bad("is null, and may not be null now")
                return
        if step.op == k.DOUBLE:
            self.skip(8)
        elif step.op == k.FLOAT:
            self.skip(4)
        elif step.op == k.FIXED:
            self.skip(step.field.size)
        elif step.op == k.MONEY:
            _, self.p = wire.money_of(self.b, self.p)
        elif step.op in (k.TEXT, k.NAME, k.RAW):
            self.text(step.op != k.RAW)
        else:
            self.number(step)

    def long(self) -> int:
        n = self.b[self.p]
        if n < 128:
            self.p += 1
        else:
            n, self.p = wire.more(self.b, self.p)
        return n >> 1 ^ -(n & 1)

    def number(self, step: Step) -> None:
        start, n = self.p, self.long()
        symbols = step.symbols[n] if 0 <= n < len(step.symbols) else -1
        if step.op == k.INT and not INT_MIN <= n <= INT_MAX:
            self.p, why = start, "does not fit 32 bits"
        elif (step.op in (k.ENUM, k.SYMBOL) and symbols < 0) or (step.op == k.BOOLEAN and n not in (0, -1)):
            self.p, why = start, f"has {self.b[start]}, which is none of its values"
        else:
            return
        raise wire.Bad(why)

    def text(self, utf8: bool) -> None:
        size = self.long()
        if size < 0:
            raise wire.Bad("has a negative length")
        start = self.p
        self.skip(size)
        if utf8:
            self.b[start : self.p].decode()

    def skip(self, size: int) -> None:
        if self.p + size > len(self.b):
            raise IndexError
        self.p += size


def _name(step: Step) -> str:
    """A field's name; of one that the reader does not have, the writer's."""
    return step.field.doc if step.field.name.startswith("-") else step.field.name
