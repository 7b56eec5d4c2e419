"""Schemas: models, codec, edge, ids, units, tables. `schemas/*.avsc` is the only source of all of them."""
