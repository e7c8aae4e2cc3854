"""What the report and the dashboard look like: style, parts of templates, charts."""

from pathlib import Path

__all__ = ["LOOK"]

LOOK = Path(__file__).parent
"""Where the style and the templates are."""
