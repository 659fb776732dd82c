"""Drawings: from a picture to the input of a network, and what a network says to it."""
