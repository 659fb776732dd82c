"""Everything that decides the result of a run, as frozen, checked, hashable records."""
