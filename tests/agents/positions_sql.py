"""Run apart, as the engine does not share a process: the query of docs/positions.md on made positions, beside the sums of the records."""

import json
import sys
import time
from pathlib import Path

import clickhouse_connect
from clickhouse_connect.datatypes.format import set_write_format

from streams.records import Position, Side
from streams.schema import clickhouse
from streams.schema.model import SCHEMAS
from tests.agents.account_desk import STRATEGIES, AccountDesk, fill, funding, quote_of
from tests.agents.test_account import PX, UNIT

PAGE = Path(__file__).resolve().parents[2] / "docs" / "positions.md"


def main(folder: str) -> None:
    """Prints {"query": {strategy: P&L}, "records": the same}."""
    desk, written = AccountDesk(), []
    symbols = ("BTCUSDT", "ETHUSDT")  # one currency
    for n in range(60):
        symbol, strategy = symbols[n % 2], list(STRATEGIES)[n % 3]
        written += desk.give(fill(n, strategy, symbol, Side(n % 5 % 2), PX[symbol] + n * 7 % 31, 1 + n % 4, UNIT * n, "USDT"))
        written += desk.give(quote_of(n, symbol, PX[symbol] + n * 13 % 50))
    written += desk.give(funding(60, "BTCUSDT", 60_000 * 10**9, 100_000))
    positions = [r._replace(run_id=5) for r in written if isinstance(r, Position)]
    client, schema = clickhouse_connect.get_client(dsn=f"chdb:///{folder}"), SCHEMAS["Position"]
    set_write_format("DateTime64", "int")
    client.command(clickhouse.database_ddl("m"))
    client.command(clickhouse.table_ddl(schema, "m"))
    now_ms = int(time.time() * 1000)  # older rows would leave the table at once
    rows = [clickhouse.row(r, 0, i, now_ms) for i, r in enumerate(positions)]
    client.insert("m.positions", rows, column_names=clickhouse.insert_columns(schema), settings={"async_insert": 0})
    query = PAGE.read_text().split("```sql\n")[1].split("```")[0].replace("FROM positions", "FROM m.positions")
    last = {(r.strategy, r.symbol): r for r in positions}
    sums = {s: sum(r.spread_pnl + r.inventory_pnl - r.fees + r.funding for r in last.values() if r.strategy == s) for s in STRATEGIES}
    told = {strategy: float(pnl) for strategy, pnl in client.query(query).result_rows}
    print(json.dumps({"query": told, "records": {s: float(pnl) for s, pnl in sums.items()}}))


if __name__ == "__main__":
    main(sys.argv[1])
