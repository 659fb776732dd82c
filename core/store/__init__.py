"""The store: finished runs, and what is under way."""
