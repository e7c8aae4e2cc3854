"""The sync endpoints over HTTP, as an ASGI application; its tools come with the extra `http`.

    from syncwell.http import Config, app

    application = app(Config(dsn="dbname=app user=gateway", jwt_secret=secret))

`POST /sync/pull` and `POST /sync/push` speak WatermelonDB's protocol, `POST /sync/preview` says what a push or a run of
an integration would change, `GET /healthz` and `GET /readyz` are for whoever runs it, and so is `GET /metrics`, once
the configuration says who may ask. `syncwell serve` is one process of it. More of them:

    SYNCWELL_DSN=… SYNCWELL_JWT_SECRET_FILE=… uvicorn --factory syncwell.http:from_environment --workers 4

Each process has its own pool and counts requests by itself. Mounted in another application it opens its pool at the
first request; give it a pool of yours, or run its lifespan in yours, to have that closed.
"""

from syncwell.http.application import app, from_environment
from syncwell.http.config import Config, ConfigError

__all__ = ["Config", "ConfigError", "app", "from_environment"]
