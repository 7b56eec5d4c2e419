"""What a mirror tells of the stages that the processes of its shard count."""

from pathlib import Path

from streams.lanes.histogram_file import HistogramFile
from streams.lanes.mirror_notes import StageFigures
from streams.lanes.stages import histogram_path

RUN = 7


def test_stages_of_the_shard_are_told_as_soon_as_they_have_counted(tmp_path: Path) -> None:
    figures = StageFigures(tmp_path, 1)
    assert figures.take(RUN) == []  # nobody has made a file yet
    trade = HistogramFile.create(histogram_path(tmp_path, "trade", 1), ["ring_taken", "wire_checked"])
    other = HistogramFile.create(histogram_path(tmp_path, "trade", 0), ["ring_taken"])
    trade.record("wire_checked", 5)  # before it was looked at first: of another mirror's time, perhaps
    assert figures.take(RUN) == []
    trade.record_all("ring_taken", [1_000, 2_000, 3_000])
    other.record("ring_taken", 1)
    (row,) = figures.take(RUN)
    assert (row.run_id, row.process, row.stage, row.records) == (RUN, "trade", "ring_taken", 3)
    assert row.p50_ns <= 2_000 * 1.01
    assert row.max_ns == 3_000
    assert figures.take(RUN) == []
    gateway = HistogramFile.create(histogram_path(tmp_path, "gateway", 1), ["sent"])
    assert figures.take(RUN) == []
    gateway.record("sent", 7)
    assert [(row.process, row.stage, row.records) for row in figures.take(RUN)] == [("gateway", "sent", 1)]
