"""The simulated venue: a process of its own that answers asynchronously, and logs before it answers."""
