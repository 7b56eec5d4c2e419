"""/metrics: what Prometheus reads of a run."""

import asyncio
import json
import os
import time
from pathlib import Path

import aiohttp
import numpy as np
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from streams.control.metrics import CONTENT_TYPE, exposition
from streams.control.plane import Plane
from streams.control.settings import CHILDREN, ControlSettings
from streams.control.views import add_views
from streams.kernel import Struct
from streams.lanes.histogram_file import HistogramFile
from streams.lanes.ring import Ring
from streams.lanes.stages import LANE_STAGES, histogram_path, histogram_paths
from tests.control.made import control


class Word(Struct, align=64):
    """64 bytes."""

    value: int


def figures(text: bytes) -> dict[tuple[str, ...], float]:
    """Value by name and the labels' values in the order of their names."""
    families = text_string_to_metric_families(text.decode())
    return {(sample.name, *dict(sorted(sample.labels.items())).values()): sample.value for family in families for sample in family.samples}


def process(folder: Path, name: str, **changes: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"pid": os.getpid(), "state": "running", "wall_ns": time.time_ns(), **changes}))


def test_exposition_gives_histograms_by_process_and_stage(tmp_path):
    file = HistogramFile.create(histogram_path(tmp_path, "trade.x", 2), LANE_STAGES)
    for value in (*[900] * 98, 1_500, 20_000, -5):
        file.record("wire_checked", value)
    found = figures(exposition(tmp_path, tmp_path))
    at = ("trade.x", "2", "wire_checked")
    assert found["millrace_latency_ns_p50", *at] == 903  # the bucket's largest, at most 1/128 too much
    assert found["millrace_latency_ns_p99", *at] == 1_503
    assert found["millrace_latency_ns_p999", *at] == found["millrace_latency_ns_max", *at] == 20_000
    assert (found["millrace_latency_records_total", *at], found["millrace_latency_negative_total", *at]) == (101, 1)
    assert found["millrace_latency_records_total", "trade.x", "2", "ring_taken"] == 0
    assert list(histogram_paths(tmp_path)) == [("trade.x", 2)]


def test_exposition_gives_rings_and_their_readers(tmp_path):
    ring = Ring.create(tmp_path / "market-feed.0.ring", [Word], 64)
    writer, lane = ring.writer("feed", compiled=False), ring.reader("trade", compiled=False)
    writer.write(np.zeros((5, 64), np.uint8))
    lane.read(2)
    lane.commit()
    (tmp_path / "torn.0.ring").write_bytes(b"")
    found = figures(exposition(tmp_path, tmp_path))
    ring.close()
    at = ("market-feed", "0")
    assert [found[f"millrace_ring_{name}", *at] for name in ("capacity_slots", "slots_total", "used_slots", "full_total")] == [64, 5, 3, 0]
    assert [found[f"millrace_ring_{name}", "trade", *at] for name in ("behind_slots", "lost_slots_total")] == [3, 0]


def test_exposition_gives_counters_of_the_status_files(tmp_path):
    (tmp_path / CHILDREN).write_text(json.dumps({"trade": {"kind": "agents", "pid": os.getpid(), "restarts": 2, "done": False}}))
    process(tmp_path, "trade", records_in=7, records_out=3, dead_letters=1, lag=4, lag_s=0.5)
    found = figures(exposition(tmp_path, None))
    assert found["millrace_up", "agents", "trade"] == 1
    names = ("restarts_total", "records_in_total", "records_out_total", "dead_letters_total", "lag_records", "lag_seconds")
    assert [found[f"millrace_{name}", "trade"] for name in names] == [2, 7, 3, 1, 4, 0.5]


def test_metrics_view_answers_this_host_only(wire, tmp_path):
    process(tmp_path, "trade", records_in=7)

    async def test() -> None:
        plane = Plane(ControlSettings("demo", "control", "127.0.0.1:1", wire.ids.url, 1, tmp_path, ring_folder=tmp_path), wire, control())
        add_views(plane)
        plane.app.web.init_server()
        server = web.AppRunner(plane.app.web.web_app)
        await server.setup()
        site = web.TCPSite(server, "127.0.0.1", 0)
        await site.start()
        port = server.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
                assert (answer.status, answer.headers["Content-Type"]) == (200, CONTENT_TYPE)
                assert figures(await answer.read())["millrace_records_in_total", "trade"] == 7
            async with session.get(f"http://127.0.0.1:{port}/metrics", headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403
        await server.cleanup()

    asyncio.run(test())
