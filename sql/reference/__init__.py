"""Writes REFERENCE.md from the catalog and the examples beside it. Standard library only."""
