"""Optimizers: their update rules, how they walk on surfaces, and the learning-rate finder."""
