"""Slots of many kinds become the bodies that edge and codec give, topic by topic, and one hash over all of them."""

import ctypes

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.backtest import bodies_kernel as kernel
from streams.backtest.bodies import Bodies
from streams.errors import EdgeError
from streams.kernel import store_word
from streams.schema import slots_out_kernel
from streams.schema.model import BY_KIND
from streams.schema.native_rows import HEAD_BYTES
from streams.schema.rolling import EMPTY_HASH, roll
from streams.slots import KIND_ORDER
from tests.backtest.tapes import bodies, tape
from tests.schema.made import edge


def held(found: Bodies) -> dict[str, list[bytes]]:
    """The bodies that are held, by topic."""
    out = {}
    for kind, schema in BY_KIND.items():
        n = int(found._count[kind])
        starts = found._starts[kind]
        if n:
            out[schema.topic] = [found._out[kind][starts[i] : starts[i + 1]].tobytes() for i in range(n)]
    return out


def wanted(pairs: list[tuple[str, bytes]]) -> tuple[dict[str, list[bytes]], bytes]:
    """What plain Python writes, and the hash over it."""
    out: dict[str, list[bytes]] = {}
    digest = EMPTY_HASH
    for topic, body in pairs:
        out.setdefault(topic, []).append(body)
        digest = roll(digest, body)
    return out, digest


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1 << 40), count=st.integers(0, 300), run_id=st.sampled_from((0, 7, (1 << 31) - 1)))
def test_bodies_of_any_tape_are_what_the_codec_writes(seed: int, count: int, run_id: int) -> None:
    made, given_ = edge(), tape(count, seed)
    found = Bodies(made, run_id)
    found.add(given_.kind, given_.address)
    assert (held(found), found.digest) == wanted(bodies(made, given_, run_id))
    assert found.count == count


def test_bodies_plain_and_compiled_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    given_ = tape(60)
    compiled = Bodies(edge())
    compiled.add(given_.kind, given_.address)
    plain = Bodies(edge())

    def run(address: int) -> int:
        work = kernel.BodyWork()
        work.unpack(plain._memory)
        stop = work.run()
        plain._memory[:] = work.pack()
        return stop

    monkeypatch.setattr(plain, "_run", run)
    plain.add(given_.kind, given_.address)
    assert (held(plain), plain.digest) == (held(compiled), compiled.digest)


def test_bodies_that_python_writes_are_the_same() -> None:
    given_, made = tape(300), edge()
    ours, theirs = Bodies(made), Bodies(made)
    empty = np.zeros(HEAD_BYTES // 8, np.int64)
    store_word(int(theirs._writer.programs[KIND_ORDER]) + slots_out_kernel.TABLES, empty.ctypes.data)
    for one in (ours, theirs):
        one.add(given_.kind, given_.address)
    assert (held(theirs), theirs.digest) == (held(ours), ours.digest)


def test_bodies_taken_are_columns_and_no_longer_held() -> None:
    made, given_ = edge(), tape(500)
    found = Bodies(made)
    found.add(given_.kind, given_.address)
    taken = found.take()
    assert sum(part.count for part in taken.values()) == 500
    ids = {schema.topic: part.columns(9).columns["id"].values.tolist() for schema, part in taken.items()}
    assert {schema.topic: (part.places + 1).tolist() for schema, part in taken.items()} == ids
    order = [(topic, i + 1) for i, (topic, _) in enumerate(bodies(made, given_))]
    assert ids == {topic: [i for name, i in order if name == topic] for topic in ids}
    assert (found.count, found.total) == (0, 500)
    assert found.take() == {}
    found.add(given_.kind[:3], given_.address[:3])
    assert sorted(place for part in found.take().values() for place in part.places) == [500, 501, 502]


def test_bodies_taken_again_and_again_need_no_more_memory() -> None:
    given_, sizes = tape(2000), []
    found = Bodies(edge())
    for _ in range(5):
        found.add(given_.kind, given_.address)
        found.take()
        sizes.append(sum(buffer.nbytes for kept in (found._out, found._starts, found._places) for buffer in kept.values()))
    assert sizes == sizes[:1] * 5
    assert found.total == 10_000


def test_bodies_of_an_unknown_kind_say_so() -> None:
    with pytest.raises(EdgeError, match="slot kinds 31 to 31 are not all known; kinds are 1 to 17"):
        Bodies(edge()).add(np.array((31,), np.int8), np.zeros(1, np.int64))


def test_bodies_of_a_number_that_names_nothing_say_which() -> None:
    given_ = tape(5, names=("Order",))
    ctypes.c_int32.from_address(int(given_.address[3]) + 32).value = 99
    with pytest.raises(EdgeError, match="INSTRUMENT number 99"):
        Bodies(edge()).add(given_.kind, given_.address)
