"""What a mirror tells of the stages that the processes of its shard count."""

from pathlib import Path

from streams.lanes.histogram_file import HistogramFile
from streams.lanes.mirror_notes import StageFigures
from streams.lanes.stages import histogram_path

RUN = 7


def test_stages_of_the_shard_are_told_as_soon_as_they_have_counted(tmp_path: Path) -> None:
    trade = HistogramFile.create(histogram_path(tmp_path, "trade", 1), ["ring_taken", "wire_checked"])
    other = HistogramFile.create(histogram_path(tmp_path, "trade", 0), ["ring_taken"])
    trade.record("wire_checked", 5)  # before it was looked at first
    figures = StageFigures(tmp_path, 1, first=True)
    assert told(figures) == [("trade", "wire_checked", 1)]
    trade.record_all("ring_taken", [1_000, 2_000, 3_000])
    other.record("ring_taken", 1)
    (row,) = figures.take(RUN)
    assert (row.run_id, row.process, row.stage, row.records) == (RUN, "trade", "ring_taken", 3)
    assert (row.p50_ns or 0) <= 2_000 * 1.01
    assert row.max_ns == 3_000
    assert told(figures) == []
    gateway = HistogramFile.create(histogram_path(tmp_path, "gateway", 1), ["sent"])
    gateway.record("sent", 7)
    assert told(figures) == [("gateway", "sent", 1)]
    gateway.record("sent", 7)
    assert told(figures) == [("gateway", "sent", 1)]


def test_stages_of_a_run_that_another_mirror_has_told_of_are_not_told_twice(tmp_path: Path) -> None:
    trade = HistogramFile.create(histogram_path(tmp_path, "trade", 0), ["ring_taken"])
    trade.record("ring_taken", 5)
    figures = StageFigures(tmp_path, 0, first=False)
    assert told(figures) == []
    trade.record("ring_taken", 5)
    HistogramFile.create(histogram_path(tmp_path, "gateway", 0), ["sent"]).record("sent", 7)
    assert sorted(told(figures)) == [("gateway", "sent", 1), ("trade", "ring_taken", 1)]


def told(figures: StageFigures) -> list[tuple[str, str | None, int]]:
    return [(row.process, row.stage, row.records) for row in figures.take(RUN)]
