"""manifest.json: what is exported, and which files of it are whole. What it does not name is written again."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from syncwell.cli.failures import CommandError

_NAME = "manifest.json"


@dataclass(frozen=True, slots=True)
class Filters:
    """What was asked for. An export goes on only with the same."""

    what: str
    format: str
    since: str | None
    until: str
    source: str | None
    user_id: str | None
    acting_for: str | None


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """One page; the next one begins after last_key."""

    name: str
    rows: int
    bytes: int
    sha256: str
    last_key: tuple[str, ...]

    @classmethod
    def read(cls, document: dict[str, Any]) -> Self:
        """One of a manifest's files."""
        return cls(
            name=document["name"],
            rows=document["rows"],
            bytes=document["bytes"],
            sha256=document["sha256"],
            last_key=tuple(document["last_key"]),
        )


@dataclass(slots=True)
class Manifest:
    """The state of an export in its folder."""

    folder: Path
    filters: Filters
    columns: tuple[str, ...]
    files: list[ExportedFile] = field(default_factory=list[ExportedFile])
    complete: bool = False

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What was exported to the folder; None: nothing, and nothing else lies there either."""
        path = folder / _NAME
        if not path.exists():
            if folder.exists() and any(folder.iterdir()):
                raise CommandError(
                    f"{folder} is not empty, and holds no export", None, "Name a new folder, or an empty one."
                )
            return None
        try:
            document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return cls(
                folder,
                Filters(**document["filters"]),
                tuple(document["columns"]),
                [ExportedFile.read(one) for one in document["files"]],
                document["complete"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise CommandError(
                f"{path} is not what an export writes", str(error) or None, "Export to another folder."
            ) from error

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(one.rows for one in self.files)

    @property
    def last_key(self) -> tuple[str, ...] | None:
        """After which key to go on; None: from the beginning."""
        return self.files[-1].last_key if self.files else None

    def require(self, filters: Filters) -> None:
        """Refuse to go on with anything but what was asked for at first."""
        if filters == self.filters:
            return
        before, now = asdict(self.filters), asdict(filters)
        differing = [f"{name}: {before[name]} then, {now[name]} now" for name in before if before[name] != now[name]]
        raise CommandError(
            f"{self.folder} holds an export of something else",
            "; ".join(differing),
            "Go on with the same options, or name another folder.",
        )

    def next_name(self) -> str:
        """What the next file is called."""
        return f"{self.filters.what}-{len(self.files) + 1:06}.{self.filters.format}"

    def add(self, part: Path, name: str, rows: int, last_key: tuple[str, ...]) -> None:
        """Give a file that is whole its name, and remember it."""
        content = hashlib.sha256()
        with part.open("rb") as file:
            while block := file.read(1 << 20):
                content.update(block)
            os.fsync(file.fileno())
        size = part.stat().st_size
        part.replace(self.folder / name)
        self.files.append(ExportedFile(name, rows, size, content.hexdigest(), last_key))
        self.write()

    def write(self) -> None:
        """Write it whole or not at all."""
        document = asdict(self)
        del document["folder"]
        draft = self.folder / f"{_NAME}.part"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.folder / _NAME)

    def damaged(self) -> list[str]:
        """Names of the files that are not as they were written."""
        return [one.name for one in self.files if not self._is_whole(one)]

    def _is_whole(self, one: ExportedFile) -> bool:
        path = self.folder / one.name
        if not path.exists() or path.stat().st_size != one.bytes:
            return False
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == one.sha256
