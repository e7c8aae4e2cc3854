"""Types for clients in TypeScript and in Python, written from a database's own catalog."""

from syncwell.codegen.catalog import Catalog, read
from syncwell.codegen.python_types import python
from syncwell.codegen.typescript_types import typescript

__all__ = ["Catalog", "python", "read", "typescript"]
