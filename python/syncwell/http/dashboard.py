"""Whether this server has a dashboard: its tools are an extra of their own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from starlette.routing import Route

from syncwell.http.config import Config, ConfigError

if TYPE_CHECKING:
    from syncwell.http.page import Visitors

__all__ = ["dashboard_routes"]

_logger = logging.getLogger("syncwell.http")
_TOOLS = ("jinja2", "markupsafe", "vl_convert")
_HINT = "pip install 'syncwell[dashboard]'"


def dashboard_routes(config: Config, visitors: Visitors) -> list[Route]:
    """The addresses of the dashboard; none where it is not wanted, or not installed and not asked for.

    Raises:
        ConfigError: it was asked for, and cannot be.
    """
    if config.dashboard is False:
        return []
    try:
        from syncwell.http.page import Page

        return Page(config, visitors).routes()
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _TOOLS:
            raise
        missing = f"the dashboard needs a part that is not installed: {error.name}"
    except FileNotFoundError as error:
        missing = f"the dashboard needs a file that was not built: {error.filename}"
    if config.dashboard:
        raise ConfigError(missing, _HINT)
    _logger.warning("no dashboard at /: %s (%s)", missing, _HINT)
    return []
