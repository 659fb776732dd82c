"""Everything that decides the result of a run, as frozen, checked, hashable records."""

from core.networks.structure import NetworkSpec, dense_network
from core.specs.data import DataSpec
from core.specs.optimizers import OptimizerSpec, optimizer_spec
from core.specs.run import SCHEMA, RunSpec, changed, key_of, with_settings
from core.specs.train import TrainSpec, training_images

__all__ = [
    "SCHEMA",
    "DataSpec",
    "NetworkSpec",
    "OptimizerSpec",
    "RunSpec",
    "TrainSpec",
    "changed",
    "dense_network",
    "key_of",
    "optimizer_spec",
    "training_images",
    "with_settings",
]
