"""The store as the lab opens it."""

from pathlib import Path

from core.specs.run import variant_of
from core.store import Store


def open_store(cache: Path | None = None) -> Store:
    """The store of that folder, by default LAB_CACHE: variants of the lab table stay longest."""
    return Store(cache, keep=lambda spec: variant_of(spec) is not None)
