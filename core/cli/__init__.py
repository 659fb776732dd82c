"""The command line, `python -m core`: a module for each command."""
