"""A backtest's process: all agents in one, told what `apply` and `run` would have written."""

import pytest

from streams.errors import TopologyError
from streams.records import BookLevel, BookUpdate, NameKind, Position, Quote, Request, Side
from streams.schema import ids
from streams.topology.derive import names
from streams.topology.model import load
from streams.topology.world import feeds_of, is_plain, world
from tests.topology.files import DEMO, changed

SEVERAL = DEMO.with_name("strategies.yaml")
RUN = 2**30 + 7
S = 10**9


def market(process, second: int) -> list:
    """A book and a quote of BTCUSDT at 60,000, as normalize writes them."""
    at_ns = 1_700_000_000 * S + second * S
    book, quote = (process.spec.writers[topic] for topic in ("book_updates.v1", "quotes.v1"))
    levels = tuple(BookLevel(side, px * S // 10, 5 * S) for side, px in ((Side.BUY, 600_000 + second), (Side.SELL, 600_001 + second)))
    head = (0, RUN, at_ns, at_ns, "binance", "BTCUSDT", at_ns)
    return [
        BookUpdate(ids.make(book, 1 + second), *head, 1 + second, 1 + second, not second, False, levels),
        Quote(ids.make(quote, 1 + second), *head, 1 + second, levels[0].px_e9, 5 * S, levels[1].px_e9, 5 * S, S // 10, 0.0, 60_000.0),
    ]


def played(process) -> list:
    for second in range(20):
        for record in market(process, second):
            process.on_input(record)
    return [record for _, record in process.take_outputs()]


def test_world_of_demo_trades_on_a_book_without_a_broker():
    found = played(world(load(DEMO), RUN, compiled=False))
    assert {record.run_id for record in found} == {RUN}
    assert {type(record).__name__ for record in found} >= {"Order", "Decision", "Request"}
    assert {record.account for record in found if isinstance(record, Request)} == {"maker-1"}
    assert not [record for record in found if isinstance(record, Position)]  # nothing filled


@pytest.mark.slow
def test_world_compiled_equals_plain():
    machine, plain = (world(load(DEMO), RUN, compiled) for compiled in (True, False))
    assert played(machine) == played(plain)
    assert machine.snapshot() == plain.snapshot()


def test_world_numbers_instruments_as_the_topology_lists_them():
    process = world(load(SEVERAL), RUN, compiled=False)
    assert process.spec.agents == ("strategy", "risk", "execute", "account")
    assert process.edge.dictionary.names(NameKind.INSTRUMENT) == tuple(load(SEVERAL).instruments)
    assert list(process.shown()) == list(load(SEVERAL).strategies)
    for kind in set(NameKind) - {NameKind.WRITER}:
        assert process.edge.dictionary.names(kind) == tuple(name for one, name in names(load(SEVERAL)) if one == kind)


def test_world_has_one_writer_a_topic_and_feed():
    topology = load(SEVERAL)
    process = world(topology, RUN, compiled=False)
    writers, feeds = process.spec.writers, feeds_of(topology, process)
    assert {"book_updates.v1", "venue_events.v1", "", "orders.v1"} <= set(writers)
    assert set(feeds) == {"binance", "ether", "second"}
    assert len({*writers.values(), *feeds.values()}) == len(writers) + len(feeds)


def test_world_takes_parameters_that_were_set():
    process = world(load(DEMO, ["maker.gamma=0.25"]), RUN, compiled=False)
    assert process.shown()["maker"]["state"]["gamma"] == 0.25


def test_world_takes_the_largest_sizes_of_all_processes(tmp_path):
    path = changed(
        tmp_path,
        ("agents: [strategy, risk, execute]}", "agents: [strategy, risk, execute], sizes: {orders: 1024}}"),
        ("agents: [account]}", "agents: [account], sizes: {orders: 2048, lots: 128}}"),
    )
    sizes = world(load(path), RUN, compiled=False).sizes
    assert (sizes["orders"], sizes["lots"]) == (2048, 128)


def test_world_of_a_plain_strategy_asks_for_plain(tmp_path):
    path = changed(
        tmp_path,
        ("streams.strategies.avellaneda_stoikov:AvellanedaStoikov", "tests.strategies.modelled:Modelled"),
        (
            "  trade: {lane: kafka, agents: [strategy, risk, execute]}",
            "  ideas: {lane: kafka, agents: [strategy], strategies: [maker]}\n  trade: {lane: kafka, agents: [risk, execute]}",
        ),
    )
    topology = load(path)
    assert is_plain(topology)
    with pytest.raises(TopologyError, match="ask for it with --plain"):
        world(topology, RUN)
    assert world(topology, RUN, compiled=False).spec.agents == ("strategy", "risk", "execute", "account")
