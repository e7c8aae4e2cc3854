"""Reads the history of somebody's repository, and does nothing else to it.

No shell, no pager, no hook, no helper program, no network: what the repository's own configuration names is not run.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import tomllib
from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, cast

from syncwell.cli.failures import CommandError

_CHUNK = 1 << 16
_SUBJECT_LIMIT = 500
_FIELDS = ("%H", "%P", "%an", "%at", "%ct", "%s")
_SAFE = (
    "--no-pager",
    "-c", "safe.directory=*",
    "-c", "core.fsmonitor=false",
    "-c", "core.hooksPath=/dev/null",
    "-c", "log.showSignature=false",
    "-c", "i18n.logOutputEncoding=UTF-8",
)  # fmt: skip
_ENVIRONMENT = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
}


class GitError(Exception):
    """git refused; `code` tells how, for the classification of the error."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, without the e-mail addresses of people."""

    id: str
    parent_ids: list[str]
    author: str
    authored_at: datetime | None
    committed_at: datetime | None
    subject: str


class Repository:
    """A git repository to read from.

    Errors: `CommandError` where there is none that has commits, or no git.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise CommandError(f"there is no folder {path}", None, "Pass the folder of a git repository: --repo PATH.")
        try:
            shallow = self._run("rev-parse", "--is-shallow-repository")
        except FileNotFoundError:
            raise CommandError("git is not installed", None, "The demo reads a history with it.") from None
        except GitError as error:
            raise CommandError(
                f"{path} is not a git repository", str(error), "Pass the folder of one: --repo PATH."
            ) from None
        self.is_shallow = shallow == "true"
        try:
            self.head = self.resolve("HEAD")
        except GitError:
            raise CommandError(
                f"the repository {path} has no commits", None, "Commit something first, or pass another: --repo PATH."
            ) from None

    def resolve(self, ref: str) -> str:
        """The id of the commit that a ref stands for.

        Errors: `GitError` for a ref that does not exist.
        """
        try:
            return self._run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        except GitError as error:
            raise GitError(f"fatal: there is no commit at {ref}", error.code) from None

    def has(self, ref: str) -> bool:
        """Whether a ref exists."""
        with suppress(GitError):
            return bool(self.resolve(ref))
        return False

    def count(self, after: str | None, upto: str) -> int:
        """How many commits `commits` will yield."""
        return int(self._run("rev-list", "--count", *_range(after, upto)))

    def earlier(self, share: float) -> str:
        """The commit on the way to HEAD at which so much of the way was behind."""
        length = int(self._run("rev-list", "--first-parent", "--count", self.head))
        skip = min(round(length * (1 - share)), length - 1)
        return self._run("rev-list", "--first-parent", "--max-count=1", f"--skip={skip}", self.head)

    def commits(self, after: str | None, upto: str) -> Generator[Commit]:
        """The commits that `upto` holds and `after` does not, as git finds them: memory does not grow with them.

        Errors: `GitError`.
        """
        arguments = ("log", "-z", "--no-patch", "--no-show-signature", "--no-decorate", "--no-color")
        form = f"--format=tformat:{'%x00'.join(_FIELDS)}"
        with tempfile.TemporaryFile() as complaints:
            process = subprocess.Popen(
                self._command(*arguments, form, *_range(after, upto), "--"),
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=complaints,
            )
            output = cast("IO[bytes]", process.stdout)
            try:
                waiting: list[bytes] = []
                rest = b""
                while chunk := output.read(_CHUNK):
                    *fields, rest = (rest + chunk).split(b"\0")
                    waiting += fields
                    whole = len(waiting) - len(waiting) % len(_FIELDS)
                    for start in range(0, whole, len(_FIELDS)):
                        yield _commit(
                            [field.decode(errors="replace") for field in waiting[start : start + len(_FIELDS)]]
                        )
                    del waiting[:whole]
                if process.wait() != 0:
                    complaints.seek(0)
                    raise GitError(complaints.read(2000).decode(errors="replace").strip(), f"GIT_{process.returncode}")
            finally:
                process.kill()
                process.wait()
                output.close()

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            self._command(*arguments), env=_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
        if done.returncode != 0:
            raise GitError(done.stderr.decode(errors="replace").strip(), f"GIT_{done.returncode}")
        return done.stdout.decode(errors="replace").strip()

    def _command(self, *arguments: str) -> list[str]:
        return ["git", *_SAFE, "-C", str(self.path), *arguments]


def own_checkout() -> Path:
    """The checkout of this project around the package or the current folder.

    Errors: `CommandError` when there is none.
    """
    for start in (Path(__file__).resolve().parent, Path.cwd()):
        for folder in (start, *start.parents):
            if (folder / ".git").exists() and _is_ours(folder / "pyproject.toml"):
                return folder
    raise CommandError(
        "there is no checkout of syncwell here whose history could be synced",
        None,
        "Pass any git repository of yours, it is only read: syncwell demo --repo PATH.",
    )


def _is_ours(file: Path) -> bool:
    try:
        project: object = tomllib.loads(file.read_text(encoding="utf-8")).get("project")
    except (OSError, ValueError):
        return False
    return isinstance(project, dict) and cast("dict[str, object]", project).get("name") == "syncwell"


def _range(after: str | None, upto: str) -> tuple[str, ...]:
    return (upto,) if after is None else (upto, f"^{after}")


def _environment() -> dict[str, str]:
    # GIT_DIR and its like would lead to another repository
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | _ENVIRONMENT


def _commit(fields: list[str]) -> Commit:
    commit_id, parents, author, authored, committed, subject = fields
    return Commit(commit_id, parents.split(), author, _time(authored), _time(committed), subject[:_SUBJECT_LIMIT])


def _time(text: str) -> datetime | None:
    """A time of git's; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return None
