"""The stages of latency: where their files are, and the page that explains them."""

import re
from pathlib import Path

from streams.lanes.stages import FEED_STAGES, GATEWAY_STAGES, LANE_STAGES, MIRROR_STAGES, histogram_path, histogram_paths

PAGE = (Path(__file__).parents[2] / "docs" / "latency.md").read_text()


def test_page_has_a_row_for_each_stage():
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|", PAGE, re.MULTILINE)
    stages = {"feed": FEED_STAGES, "lane": LANE_STAGES, "gateway": GATEWAY_STAGES, "mirror": MIRROR_STAGES}
    assert rows == [(stage, process) for process, names in stages.items() for stage in names]


def test_histogram_paths_finds_what_histogram_path_names(tmp_path):
    wanted = {(process, shard): histogram_path(tmp_path, process, shard) for process in ("feed", "trade.x") for shard in (0, 12)}
    for path in (*wanted.values(), tmp_path / "trade.0.ring", tmp_path / "odd.histograms"):
        path.touch()
    assert histogram_paths(tmp_path) == wanted
    assert histogram_paths(tmp_path / "none") == {}
