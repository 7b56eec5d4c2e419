"""pyruhvro: bodies to an Arrow batch, CPU ns a record. Arguments: schema (JSON), values one after another, their starts (.npy)."""

import json
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from best import best_ns
from pyruhvro import deserialize_array

HEADER_BYTES = 5


def main(schema_path: str, values_path: str, starts_path: str) -> None:
    """Prints the best of several runs, with and without cutting off headers, and sums of the whole-number columns to check by."""
    schema, content = Path(schema_path).read_text(), Path(values_path).read_bytes()
    starts = np.load(starts_path).tolist()
    values = [content[a:b] for a, b in pairwise(starts)]
    bodies = [value[HEADER_BYTES:] for value in values]
    whole_ns = best_ns(lambda: deserialize_array([value[HEADER_BYTES:] for value in values], schema))
    alone_ns = best_ns(lambda: deserialize_array(bodies, schema))
    batch = deserialize_array(bodies, schema)
    found = pa.record_batch(batch)
    whole = [f.name for f in found.schema if f.type == pa.int64()]
    sums = {name: sum(v for v in found.column(name).to_pylist() if v is not None) for name in whole}
    print(json.dumps({"rows": found.num_rows, "ns": whole_ns / len(values), "alone_ns": alone_ns / len(values), "sums": sums}))


if __name__ == "__main__":
    main(*sys.argv[1:])
