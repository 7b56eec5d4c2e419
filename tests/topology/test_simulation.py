"""What a topology says about a simulated venue: read into settings, or refused at its line."""

import pytest

from streams.backtest.latencies import Drawn, LatencyModels
from streams.errors import TopologyError
from streams.topology.model import load
from streams.trading.venue_models import VenueModels
from tests.topology.files import changed


def said(folder, text, settings=()):
    """What the demo's venue becomes with a `simulation`."""
    path = changed(folder, ("feed: recording}", f"feed: recording, simulation: {text}}}"))
    return load(path, settings).venues["binance"].simulation.simulated()


def test_simulation_without_a_word_is_the_plain_venue_behind_a_millisecond(tmp_path):
    found = said(tmp_path, "{}")
    assert (found.models, found.latencies, found.seed) == (VenueModels(), LatencyModels(None, 10**6, 10**6), 1)


@pytest.mark.parametrize(
    ("text", "latencies"),
    [
        ("{feed_latency: recorded, order_latency: 250 us}", LatencyModels(None, 250_000, 250_000)),
        ("{feed_latency: 2 ms, order_latency: 0 s}", LatencyModels(2_000_000, 0, 0)),
        ("{feed_latency: {median: 2 ms, sigma: 0.5}, order_latency: {median: 1.5 ms, sigma: 1}}",
         LatencyModels(Drawn(2_000_000, 0.5), Drawn(1_500_000, 1.0), Drawn(1_500_000, 1.0))),
        ("{order_latency: {entry: 3 ms, response: {median: 1 ms, sigma: 0}}}", LatencyModels(None, 3_000_000, Drawn(1_000_000, 0.0))),
        ("{order_latency: {recorded: way.npy}}", LatencyModels(None, 0, 0, "way.npy")),
    ],
)  # fmt: skip
def test_latencies_are_read(tmp_path, text, latencies):
    assert said(tmp_path, text).latencies == latencies


def test_models_are_read(tmp_path):
    text = """{queue: {model: power, exponent: 2}, fills: whole, seed: 7, traded: 1_000,
      impact: {model: propagator, coefficient: 0.8, exponent: 0.6, volatility: 0.03, volume: {BTCUSDT: 250000}, kernel: exponential,
               timescale: 5 s},
      fee_tiers: [{volume: 0, maker: 0.0002, taker: 0.0005}, {volume: 25000000000, maker: -0.00005, taker: 0.00017}]}"""
    found = said(tmp_path, text)
    assert found.seed == 7
    assert found.models == VenueModels(
        queue="power",
        exponent=2.0,
        fills="whole",
        impact="propagator",
        coefficient=0.8,
        impact_exponent=0.6,
        volatility={"": 0.03},
        volume={"BTCUSDT": 250_000.0},
        kernel="exponential",
        timescale_ns=5 * 10**9,
        fee_tiers=((0, 200_000, 500_000), (25 * 10**15, -50_000, 170_000)),
        traded_e6=10**9,
    )
    assert VenueModels.read(found.models.describe()) == found.models


def test_models_by_name_alone_and_by_setting(tmp_path):
    assert said(tmp_path, "{queue: log}").models == VenueModels(queue="log")
    settings = ["venues.binance.simulation.queue.model=power", "venues.binance.simulation.queue.exponent=1.5"]
    assert said(tmp_path, "{seed: 1}", settings).models == VenueModels(queue="power", exponent=1.5)


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("{latency: 1 ms}", "latency", "is no key here; nearest is 'feed_latency'"),
        ("{order_latency: 1}", "order_latency", "1 is no latency; write 0 s to 60 s with one of ns, us, ms, s, such as '250 us'"),
        ("{order_latency: 61 s}", "order_latency", "'61 s' is no latency; write 0 s to 60 s"),
        ("{order_latency: 0.5 ns}", "order_latency", "'0.5 ns' is no latency"),
        ("{order_latency: {entry: 1 ms}}", "order_latency", "has entry; write 250 us, or {median: 250 us, sigma: 0.5}, or {entry: ..."),
        ("{order_latency: {recorded: ''}}", "order_latency", "recorded: names no file"),
        ("{feed_latency: {median: 0 s, sigma: 1}}", "feed_latency", "median is 0; a drawn latency is more than that"),
        ("{feed_latency: {median: 1 s, sigma: 9}}", "feed_latency", "9 is out of range; write a number from 0 to 5"),
        ("{feed_latency: 2001 ms}", "feed_latency", "2001 ms is too long; a feed latency is 2 s at most"),
        ("{feed_latency: {median: 3 s, sigma: 1}}", "feed_latency", "a feed latency is 2 s at most"),
        ("{queue: powr}", "queue.model", "'powr' is not known; nearest is 'power'"),
        ("{queue: {model: power, exponent: 0}}", "queue.exponent", "0 is out of range; write a number from 0.01 to 100"),
        ("{fills: all}", "fills", "'all' is not known; known: partial, whole"),
        ("{impact: square_root}", "impact", "needs volatility (of one day's return) and volume (of one day)"),
        ("{impact: {model: square_root, volatility: 0.1, volume: {BTCUSD: 5}}}", "impact.volume", "does not say it of BTCUSDT; add it"),
        ("{impact: {model: square_root, volatility: 0.1, volume: 0}}", "impact.volume", "0 is out of range"),
        ("{fee_tiers: [{volume: 5, maker: 0, taker: 0}]}", "", "fee_tiers: volumes must rise from 0"),
        ("{fee_tiers: [{volume: 0.5, maker: 0, taker: 0}]}", "fee_tiers[0].volume", "is no volume; write a whole amount"),
        ("{fee_tiers: [{volume: 0, maker: 0, taker: 2}]}", "fee_tiers[0].taker", "2 is no fraction of the notional"),
        ("{seed: -1}", "seed", "-1 is no count; write a whole number from 0"),
    ],
)
def test_what_cannot_be_simulated_is_refused_at_its_line(tmp_path, text, where, message):
    with pytest.raises(TopologyError) as caught:
        said(tmp_path, text)
    place = f"venues.binance.simulation.{where}".rstrip(".") + ": "
    assert any(place in line and message in line for line in str(caught.value).splitlines()), str(caught.value)


def test_figures_of_an_unknown_symbol_name_the_nearest(tmp_path):
    with pytest.raises(TopologyError, match=r"impact\.volume\.BTCUSD: is no instrument of 'binance'; nearest is 'BTCUSDT'"):
        said(tmp_path, "{impact: {model: square_root, volatility: 0.1, volume: {BTCUSDT: 5, BTCUSD: 5}}}")
