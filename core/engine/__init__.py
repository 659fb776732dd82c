"""The engine: a fair queue, the workers, and what becomes of a run."""

from core.engine.engine import Engine
from core.engine.queue import Place

__all__ = ["Engine", "Place"]
