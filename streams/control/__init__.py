"""The control plane, a Faust application: what people may ask of a running topology, and what they see of it."""
