"""TensorFlow as the lab uses it: imported once per process, quietly, with its flags set before."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_importing = threading.Lock()
"""Trainings and short questions run on several threads of a process."""


def prepare() -> None:
    """Import TensorFlow, which takes 5 seconds; the second time it takes none."""
    with _importing:
        _prepare()


@cache
def _prepare() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # 5% off an epoch where it was measured, on a processor with AVX-512.
    wide = "--xla_cpu_prefer_vector_width=512"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {wide}".strip()
    with _silent_stderr():
        import tensorflow as tf

        # Its warning about functions that are traced again: every run has functions of its own.
        tf.get_logger().setLevel("ERROR")
        import core.training.evaluation
        import core.training.fit  # noqa: F401

        tf.zeros(())  # The first operation looks for devices, and complains where there is no GPU.


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drop what TensorFlow's C++ side says before its log level takes effect."""
    kept = os.dup(2)
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
