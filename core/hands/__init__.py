"""Hands: from a photograph to the input of a network, what it says, and what a class measures."""
