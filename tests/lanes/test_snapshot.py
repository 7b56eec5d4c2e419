"""Parts of a snapshot, put together again; what is missing or damaged is no snapshot."""

from streams.lanes.snapshot import PART_BYTES, Found, Moment, parts_of, split, take_part
from streams.records import SnapshotPart, StartPosition

MOMENT = Moment(3, 17, 1000, (StartPosition("journal.v1", 0, 9),), bytes(16))
BLOCKS = {"node": ("n1", "[1]", bytes(range(256)) * 8000), "control": ("c1", "[]", b"{}"), "empty": ("e1", "[]", b"")}


def parts(number: int = 4) -> list[SnapshotPart]:
    return list(parts_of("p", 0, number, BLOCKS, MOMENT, first_id=100))


def taken(records: list[SnapshotPart]) -> dict[int, Found]:
    found: dict[int, Found] = {}
    for offset, record in enumerate(records):
        take_part(found, record, offset)
    return found


def test_split_large_block_gives_parts_of_900_kb() -> None:
    assert [len(part) for part in split(bytes(2 * PART_BYTES + 1))] == [PART_BYTES, PART_BYTES, 1]
    assert split(b"") == [b""]


def test_take_part_all_parts_give_the_blocks_back() -> None:
    snapshot = taken(parts())[4]
    assert snapshot.whole
    assert snapshot.blocks == BLOCKS
    assert snapshot.moment == MOMENT
    assert snapshot.first_offset == 0


def test_take_part_any_part_missing_is_not_whole() -> None:
    records = parts()
    for k in range(len(records)):
        assert not any(snapshot.whole for snapshot in taken(records[:k] + records[k + 1 :]).values())


def test_take_part_changed_byte_is_not_whole() -> None:
    records = parts()
    for k, record in enumerate(records):
        if record.data:
            damaged = record._replace(data=bytes([record.data[0] ^ 1]) + record.data[1:])
            assert not taken([*records[:k], damaged, *records[k + 1 :]])[4].whole


def test_parts_of_ids_are_dense_and_only_last_parts_carry_hash_and_positions() -> None:
    records = parts()
    assert [r.id for r in records] == list(range(100, 100 + len(records)))
    assert all((r.hash is not None) == (r.part == r.parts - 1) for r in records)
    assert all(bool(r.positions) == (r.part == r.parts - 1) for r in records)
