"""Contract 5 and 8: numbers are dense per kind, append-only, never reused; shards are assigned by records."""

import pytest

from streams.errors import SchemaError
from streams.records import Name, NameKind, ShardKind
from streams.schema.dictionary import Dictionary, ShardTable

EPOCH = 1_723_161_602


def name(number: int, text: str, kind: NameKind = NameKind.ACCOUNT, epoch: int = EPOCH) -> Name:
    return Name(0, 0, 0, 0, 0, kind=kind, number=number, name=text, epoch=epoch)


def test_dictionary_add_new_names_numbers_them_densely_per_kind() -> None:
    dictionary = Dictionary(EPOCH)
    added = [dictionary.add(NameKind.ACCOUNT, "a"), dictionary.add(NameKind.STRATEGY, "a"), dictionary.add(NameKind.ACCOUNT, "b")]
    assert added == [name(0, "a"), name(0, "a", NameKind.STRATEGY), name(1, "b")]
    assert dictionary.number(NameKind.ACCOUNT, "b") == 1
    assert dictionary.name(NameKind.ACCOUNT, 1) == "b"
    assert dictionary.names(NameKind.ACCOUNT) == ("a", "b")


def test_dictionary_add_known_name_adds_nothing() -> None:
    dictionary = Dictionary(EPOCH)
    dictionary.add(NameKind.ACCOUNT, "a")
    assert dictionary.add(NameKind.ACCOUNT, "a") is None


def test_dictionary_from_its_records_equals_the_one_that_wrote_them() -> None:
    written = Dictionary(EPOCH)
    entries = [written.add(kind, text) for kind in NameKind for text in ("a", "b", "c")]
    read = Dictionary()
    assert all(read.on_name(entry) for entry in entries if entry)
    assert not any(read.on_name(entry) for entry in entries if entry)  # a second time changes nothing
    assert read.epoch == EPOCH
    assert [read.names(kind) for kind in NameKind] == [written.names(kind) for kind in NameKind]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (name(1, "a"), "'a' was 0, is now 1: numbers never change"),
        (name(0, "b"), "ACCOUNT 0 was 'a', is now 'b': numbers are never reused"),
        (name(2, "b"), "'b' has number 2, the next is 1: entries are missing"),
        (name(1, "b", epoch=5), f"'b' has epoch 5, the dictionary has {EPOCH}; two dictionaries share one topic"),
    ],
)
def test_dictionary_on_name_that_breaks_the_order_is_refused(entry: Name, reason: str) -> None:
    dictionary = Dictionary()
    dictionary.on_name(name(0, "a"))
    with pytest.raises(SchemaError) as caught:
        dictionary.on_name(entry)
    assert str(caught.value).endswith(reason)
    assert dictionary.names(NameKind.ACCOUNT) == ("a",)


def test_dictionary_unknown_name_or_number_is_refused() -> None:
    dictionary = Dictionary(EPOCH)
    with pytest.raises(SchemaError, match="no ACCOUNT 'x'; `millrace apply` gives names their numbers"):
        dictionary.number(NameKind.ACCOUNT, "x")
    for number in (-1, 0):
        with pytest.raises(SchemaError, match=f"no ACCOUNT number {number}; there are 0"):
            dictionary.name(NameKind.ACCOUNT, number)


def test_dictionary_without_epoch_or_name_adds_nothing() -> None:
    with pytest.raises(SchemaError, match="no epoch"):
        Dictionary().add(NameKind.ACCOUNT, "a")
    with pytest.raises(SchemaError, match="an empty ACCOUNT"):
        Dictionary(EPOCH).add(NameKind.ACCOUNT, "")


def test_shards_assigned_and_read_back() -> None:
    table = ShardTable()
    record = table.assign(ShardKind.INSTRUMENT, "binance:BTCUSDT", 2)
    assert record is not None
    assert table.assign(ShardKind.INSTRUMENT, "binance:BTCUSDT", 2) is None
    other = ShardTable()
    other.on_shard(record)
    assert other.shard(ShardKind.INSTRUMENT, "binance:BTCUSDT") == 2
    assert (table.count(), ShardTable().count()) == (3, 0)


def test_shards_unknown_or_negative_are_refused() -> None:
    with pytest.raises(SchemaError, match="ACCOUNT 'x' has no shard"):
        ShardTable().shard(ShardKind.ACCOUNT, "x")
    with pytest.raises(SchemaError, match="shards are >= 0"):
        ShardTable().assign(ShardKind.ACCOUNT, "x", -1)
