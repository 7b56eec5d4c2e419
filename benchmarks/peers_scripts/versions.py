"""The versions of the peers, as one JSON object."""

import json
from importlib.metadata import version

print(json.dumps({name: version(name) for name in ("hftbacktest", "nautilus_trader", "numba", "numpy", "pandas")}))
