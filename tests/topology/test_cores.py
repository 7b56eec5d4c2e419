"""Cores that a topology names: those that this host has not are told, sharing one is fine as long as nobody spins there."""

import os

import pytest

from streams.topology.cores import absent_cores, absent_nodes, pinned
from streams.topology.model import load
from tests.topology.files import changed
from tests.topology.test_fast import MARKET, TRADE, TWO_SHARDS


def placed(tmp_path, seat):
    """Two shards whose lanes sit there."""
    trade = TRADE[1].replace("{lane: fast,", f"{{lane: fast, {seat},")
    return load(changed(tmp_path, MARKET, (TRADE[0], trade), *TWO_SHARDS, ("sinks:", "fast: {mirror: {cpu: 4}}\nsinks:")))


def test_pinned_gives_each_shard_its_core_of_a_list_and_all_the_only_one(tmp_path):
    found = [(one.label, one.core, one.spins) for one in pinned(placed(tmp_path, "cpu: [2, 3], wait: spin"))]
    assert found == [("trade", 2, True), ("trade.1", 3, True), ("mirror", 4, False), ("mirror.1", 4, False)]


def test_cores_are_shared_by_processes_that_sleep(tmp_path):
    assert [one.core for one in pinned(placed(tmp_path, "cpu: 4, wait: sleep"))] == [4, 4, 4, 4]


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins nothing")
def test_absent_cores_says_which_core_of_whom(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 4})
    topology = placed(tmp_path, "cpu: [1, 99]")
    assert absent_cores(topology) == [
        f"{topology.path}: processes.trade.cpu: this host has the cores 0, 1, 4, and no 99 for trade.1, which is not pinned"
    ]


def test_absent_nodes_says_which_node_of_whom(tmp_path, monkeypatch):
    monkeypatch.setattr("streams.topology.cores.cores_of_nodes", lambda: {0: {0, 1}, 1: {2, 3}})
    topology = placed(tmp_path, "numa: [1, 7]")
    assert absent_nodes(topology) == [
        f"{topology.path}: processes.trade.numa: this host has the NUMA nodes 0, 1, and no 7 for trade.1, whose memory is anywhere"
    ]
