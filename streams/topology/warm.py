"""`python -m streams.topology.warm TOPOLOGY`: compile, or load, what the processes of a topology run, and say how long it took."""

import sys
import time

from streams.agents.batch import batch_of
from streams.agents.process import Process
from streams.config import plain
from streams.errors import MillraceError
from streams.lanes import messages
from streams.local.service import line
from streams.schema import bulk, slots_in
from streams.topology.instances import Instance, empty_spec, instances, journalled
from streams.topology.model import Topology, load
from streams.venues.binance import frame_kernel
from streams.venues.sim import matcher

__all__ = ["main"]


def main(path: str) -> int:
    """Build every process once; 0, or 1 after the reason."""
    began_s = time.monotonic()
    try:
        topology = load(path)
        messages.prepare()
        wanted = [*journalled(topology), *(one for one in instances(topology) if one.kind in ("feed", "gateway", "mirror", "venue"))]
        parts = [_made_fast(topology, one) if one.lane == "fast" else _made(topology, one) for one in wanted]
    except MillraceError as error:
        print(f"millrace: {error}", file=sys.stderr)
        return 1
    print(line("kernel", f"ready for {len(parts)} processes", time.monotonic() - began_s), flush=True)
    return 0


def _made(topology: Topology, instance: Instance) -> object:
    """What the process of an instance compiles when it starts."""
    if instance.kind == "agents":
        if not plain():
            slots_in.prepare()
        return batch_of(Process(empty_spec(topology, instance), compiled=not plain()))
    if instance.kind == "feed":
        return frame_kernel.compiled()
    if instance.kind == "gateway":
        return bulk.prepare()
    slots_in.prepare()
    return plain() or matcher.compiled()


def _made_fast(topology: Topology, instance: Instance) -> object:
    """The same on the fast lane: the ends of rings, and the loop between them. Agents are made by verify as on the Kafka lane."""
    from streams.lanes import fast_lane, histogram_file, mirror_values, record_ring, ring_ends
    from streams.venues import gateway_rings
    from streams.venues.binance import fast_feed_loop

    for module in (ring_ends, record_ring, histogram_file):
        module.prepare()
    if instance.kind == "agents":
        return _made(topology, instance), plain() or fast_lane.prepare()
    if instance.kind == "feed":
        return frame_kernel.compiled(), plain() or fast_feed_loop.prepare()
    return gateway_rings.prepare() if instance.kind == "gateway" else mirror_values.prepare()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
