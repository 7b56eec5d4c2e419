"""What came of a backtest or a run: figures, JSON and one HTML page that opens offline.

collector = Collector(process.instruments)
collector.take(columns by topic)                    # again and again: Results(..., [ToCall(collector.take)])
watch = Watch(collector, process)                    # engine.play(watch.through(source.pieces()), ...): touch and trades of the market
write_report(folder, manifest, collector)           # index.html, report.json
"""

from streams.report.collector import Collector
from streams.report.watch import Watch
from streams.report.write import write_report

__all__ = ["Collector", "Watch", "write_report"]
