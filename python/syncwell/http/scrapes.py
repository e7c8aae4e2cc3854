"""GET /metrics: who may scrape, and in which format."""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request

from syncwell.http.config import Config
from syncwell.ops import MetricsFormat

__all__ = ["MEDIA", "accepted_format", "is_scraper"]

MEDIA: dict[MetricsFormat, str] = {
    "openmetrics": "application/openmetrics-text; version=1.0.0; charset=utf-8",
    "prometheus": "text/plain; version=0.0.4; charset=utf-8",
}
_OPEN = "application/openmetrics-text"
_PLAIN = ("text/plain", "text/*", "*/*")
_TOKEN_MAX = 8192


def is_scraper(config: Config, authorization: str | None) -> bool:
    """Whether an Authorization header has the scrape token; how long that takes to tell does not depend on it."""
    if config.metrics_token is None or authorization is None or len(authorization) > _TOKEN_MAX:
        return False
    scheme, _, token = authorization.partition(" ")
    given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
    wanted = hashlib.sha256(config.metrics_token).digest()
    return hmac.compare_digest(given, wanted) and scheme.lower() == "bearer"


def accepted_format(request: Request) -> MetricsFormat:
    """OpenMetrics where the client says that it takes that, and likes nothing else better; else the older format."""
    liked: dict[str, float] = {}
    for part in ",".join(request.headers.getlist("accept")).lower().split(","):
        media, *parameters = (text.strip() for text in part.split(";"))
        quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
        try:
            liked[media] = max(liked.get(media, 0.0), float(quality))
        except ValueError:
            continue
    wanted = liked.get(_OPEN, 0.0)
    plain = next((liked[media] for media in _PLAIN if media in liked), 0.0)
    return "openmetrics" if wanted > 0 and wanted >= plain else "prometheus"
