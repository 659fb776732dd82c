"""Training: the fast fit, distorted images, evaluation, and the comparison with Keras's own fit."""
