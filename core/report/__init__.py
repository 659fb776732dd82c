"""What is handed in of a run: `objects` as JSON says it, `archive` as a zip of files."""
