"""The engine: a fair queue, the workers, and what becomes of a run."""
