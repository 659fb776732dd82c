"""The labs, as data."""
