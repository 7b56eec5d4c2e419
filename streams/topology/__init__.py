"""A deployment as one file: read and checked (model), what follows from it (derive, instances), made so (apply), run (run, supervisor)."""
