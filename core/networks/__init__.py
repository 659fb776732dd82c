"""Networks: layers, and what follows from a list of them."""
