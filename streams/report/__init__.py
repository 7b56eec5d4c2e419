"""What came of a backtest or a run: figures, JSON and one HTML page that opens offline.

collector = Collector(process.instruments)
collector.take(columns by topic)                    # again and again
collector.touch(recv_ts_ns, "binance:BTCUSDT", bid, ask)
write_report(folder, manifest, collector)           # index.html, report.json
"""

from streams.report.collector import Collector
from streams.report.write import write_report

__all__ = ["Collector", "write_report"]
