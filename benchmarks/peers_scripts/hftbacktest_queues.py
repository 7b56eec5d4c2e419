"""hftbacktest's backtests of a grid, one a queue model: `hftbacktest_queues.py FILE OUT MODEL...`. FILE: .npz, see hftbacktest_grid.

MODEL: the name of a function of BacktestAsset, `:` and its exponent where it has one. Writes to OUT (.npz) all requests and fills of each,
`requests MODEL` and `fills MODEL`.
"""

import json
import sys

import numpy as np
from hftbacktest_grid import events, run


def main(path: str, out: str, models: list[str]) -> None:
    found = dict(np.load(path))
    rows = events(found)
    kept = {}
    for model in models:
        requests, fills = np.zeros((len(rows), 5), np.int64), np.zeros((len(rows), 5), np.int64)
        name, _, exponent = model.partition(":")
        _, (_, sent, cancelled, filled), end = run(rows, found, True, requests, fills, (name, *map(float, exponent.split())))
        assert filled == end["trades"], f"{model}: {filled} fills were kept of {end['trades']}"
        kept |= {f"requests {model}": requests[: sent + cancelled], f"fills {model}": fills[:filled]}
    np.savez(out, **kept)
    print(json.dumps({name: len(rows) for name, rows in kept.items()}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
