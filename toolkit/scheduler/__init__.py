"""The single door to a run, what became of it, and the sweeper."""
