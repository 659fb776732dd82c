"""A finished run as files to keep and to hand in."""
