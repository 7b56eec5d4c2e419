"""pyruhvro: an Arrow batch to bodies, CPU ns a record. Arguments: schema (JSON), values one after another, their starts (.npy)."""

import json
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from best import best_ns
from pyruhvro import deserialize_array, serialize_record_batch

HEADER_BYTES = 5


def main(schema_path: str, values_path: str, starts_path: str) -> None:
    """Prints the best of several runs, with headers put before the bodies and without, and whether the values came out as they were."""
    schema, content = Path(schema_path).read_text(), Path(values_path).read_bytes()
    starts = np.load(starts_path).tolist()
    values = [content[a:b] for a, b in pairwise(starts)]
    batch = pa.record_batch(deserialize_array([value[HEADER_BYTES:] for value in values], schema))
    header = values[0][:HEADER_BYTES]

    def alone() -> Any:
        return serialize_record_batch(batch, schema, 1)

    def whole() -> list[bytes]:
        return [header + body for chunk in alone() for body in pa.array(chunk).to_pylist()]

    equal = whole() == values
    print(json.dumps({"ns": best_ns(whole) / len(values), "alone_ns": best_ns(alone) / len(values), "equal": equal}))


if __name__ == "__main__":
    main(*sys.argv[1:])
