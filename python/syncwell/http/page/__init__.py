"""The dashboard: pages that a server draws for who is signed in; its tools come with the extra `dashboard`."""

from syncwell.http.page.handlers import Page, Visitors

__all__ = ["Page", "Visitors"]
