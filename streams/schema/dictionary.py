"""The dictionary of names and the table of shards: pure tables that grow by records and never renumber. `apply` writes them."""

from streams.errors import SchemaError
from streams.records import Name, NameKind, Shard, ShardKind

__all__ = ["Dictionary", "ShardTable"]


class Dictionary:
    """Numbers of names, dense from 0 per kind, append-only, never reused.

    epoch: second in which the dictionary was created; taken from the first record when 0.
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        self._numbers: dict[NameKind, dict[str, int]] = {kind: {} for kind in NameKind}
        self._names: dict[NameKind, list[str]] = {kind: [] for kind in NameKind}

    def add(self, kind: NameKind, name: str) -> Name | None:
        """The record that gives a new name its number (id and times 0, for its writer to fill); None if it has one already."""
        if not name:
            raise SchemaError(f"names: an empty {kind.name} cannot be named")
        if name in self._numbers[kind]:
            return None
        if not self.epoch:
            raise SchemaError("names: the dictionary has no epoch; create it with the second of its creation")
        record = Name(0, 0, 0, 0, 0, kind=kind, number=len(self._names[kind]), name=name, epoch=self.epoch)
        self.on_name(record)
        return record

    def on_name(self, record: Name) -> bool:
        """Take an entry that was written; False if it repeats a known one. SchemaError on a renumbering, a hole or another epoch."""
        kind, numbers, names = record.kind, self._numbers[record.kind], self._names[record.kind]
        if not self.epoch:
            self.epoch = record.epoch
        if record.epoch != self.epoch:
            raise SchemaError(
                f"names: {record.name!r} has epoch {record.epoch}, the dictionary has {self.epoch}; two dictionaries share one topic"
            )
        known = numbers.get(record.name)
        if known == record.number:
            return False
        if known is not None:
            raise SchemaError(f"names: {kind.name} {record.name!r} was {known}, is now {record.number}: numbers never change")
        if record.number < len(names):
            raise SchemaError(
                f"names: {kind.name} {record.number} was {names[record.number]!r}, is now {record.name!r}: numbers are never reused"
            )
        if record.number > len(names):
            raise SchemaError(
                f"names: {kind.name} {record.name!r} has number {record.number}, the next is {len(names)}: entries are missing"
            )
        numbers[record.name] = record.number
        names.append(record.name)
        return True

    def number(self, kind: NameKind, name: str) -> int:
        """The number of a name; SchemaError if it has none."""
        try:
            return self._numbers[kind][name]
        except KeyError:
            raise SchemaError(f"names: no {kind.name} {name!r}; `millrace apply` gives names their numbers") from None

    def name(self, kind: NameKind, number: int) -> str:
        """The name of a number; SchemaError if there is none."""
        names = self._names[kind]
        if not 0 <= number < len(names):
            raise SchemaError(f"names: no {kind.name} number {number}; there are {len(names)}")
        return names[number]

    def names(self, kind: NameKind) -> tuple[str, ...]:
        """All names of a kind, in the order of their numbers."""
        return tuple(self._names[kind])

    def counts(self) -> tuple[int, ...]:
        """How many names each kind has, in the order of the kinds; equal as long as nothing was added."""
        return tuple(map(len, self._names.values()))

    def numbers(self, kind: NameKind) -> dict[str, int]:
        """Number by name: the dictionary's own table, which grows with it; not to be changed."""
        return self._numbers[kind]


class ShardTable:
    """Shard by instrument or account. An assignment is changed only by a record of `apply`."""

    def __init__(self) -> None:
        self._shards: dict[ShardKind, dict[str, int]] = {kind: {} for kind in ShardKind}

    def assign(self, kind: ShardKind, name: str, shard: int) -> Shard | None:
        """The record that assigns a name (id and times 0, for its writer to fill); None if it stands there already."""
        if self._shards[kind].get(name) == shard:
            return None
        record = Shard(0, 0, 0, 0, 0, kind=kind, name=name, shard=shard)
        self.on_shard(record)
        return record

    def on_shard(self, record: Shard) -> None:
        """Take an assignment that was written; SchemaError if the shard is negative."""
        if record.shard < 0:
            raise SchemaError(f"shards: {record.name!r} has shard {record.shard}; shards are >= 0")
        self._shards[record.kind][record.name] = record.shard

    def shard(self, kind: ShardKind, name: str) -> int:
        """The shard of "venue:symbol" or of an account; SchemaError if it has none."""
        try:
            return self._shards[kind][name]
        except KeyError:
            raise SchemaError(f"shards: {kind.name} {name!r} has no shard; `millrace apply` assigns them") from None

    def count(self) -> int:
        """One more than the highest shard: partitions that topics need; 0 if nothing is assigned."""
        return max((s for table in self._shards.values() for s in table.values()), default=-1) + 1
