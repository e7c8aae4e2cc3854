"""What `syncwell export` writes: files of one page each, and a manifest that says which are whole."""

from __future__ import annotations

from syncwell.cli.export.manifest import ExportedFile, Filters, Manifest
from syncwell.cli.export.pages import Pages

__all__ = ["ExportedFile", "Filters", "Manifest", "Pages"]
