"""Every queue model beside hftbacktest's: the grid of `replay_grid` on a short made market, every request and every fill compared.

hftbacktest has no `proportional`; it is its power model with the exponent 1.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from claims import Claim

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import peers
import replay_stream as stream
from replay_ours import Kept, Ours, in_order
from replay_rows import rows_of

from streams.trading.queue_model import QUEUE_MODELS

__all__ = ["claim"]

THEIRS = {
    "none": "risk_adverse_queue_model",
    "proportional": "power_prob_queue_model:1",
    "power": "power_prob_queue_model:3",
    "power2": "power_prob_queue_model2:3",
    "power3": "power_prob_queue_model3:3",
    "log": "log_prob_queue_model",
    "log2": "log_prob_queue_model2",
}


def claim(folder: Path, events: int, terms: dict[str, Any]) -> Claim:
    """How many models gave hftbacktest's requests and fills; what the others gave is said on stderr."""
    market, equal = stream.make(events), 0
    last_ns = int(market.recv_ts_ns[-1])
    np.savez(folder / "queues.npz", **rows_of(stream.pieces(market), 0), **terms, tick=0.01, lot=0.001)
    peers.run("hftbacktest_queues.py", folder / "queues.npz", folder / "queues_out.npz", *THEIRS.values())
    theirs = np.load(folder / "queues_out.npz")
    fills_of = set()
    for model in QUEUE_MODELS:
        kept, ours = Kept(), Ours([f"venues.made.simulation.queue.model={model}"])
        ours.play(stream.pieces(market), 0, kept.take)
        fills = theirs[f"fills {THEIRS[model]}"]
        fills[:, 0] += terms["response_ns"]
        pairs = {"requests": (kept.requests, theirs[f"requests {THEIRS[model]}"]), "fills": (kept.fills, fills[fills[:, 0] <= last_ns])}
        unequal = [name for name, (mine, other) in pairs.items() if not np.array_equal(mine, in_order(other))]
        for name in unequal:
            mine, other = ({tuple(row) for row in rows.tolist()} for rows in pairs[name])
            print(f"queue model {model}: {name} {len(mine)}, hftbacktest's {len(other)}, in both {len(mine & other)}", file=sys.stderr)
        equal += not unequal
        fills_of.add(kept.fills.tobytes())
    assert len(fills_of) == len(QUEUE_MODELS), "two models gave the same fills: the market is too short to tell them apart"
    wanted = len(QUEUE_MODELS)
    name = "queue models equal to hftbacktest's, request by request and fill by fill"
    return Claim(name, equal, None, None, f"of {wanted}", f"{wanted} of {wanted}", equal == wanted)
