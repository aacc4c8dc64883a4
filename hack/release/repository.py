"""The commit of a release: made in a work tree beside this one, so that nothing has changed here if it fails."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from hack.release.programs import run


class Repository:
    """A work tree of git's."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def objections(self, version: str) -> Sequence[str]:
        """Return why nothing can be released from this work tree."""
        found = []
        if self._git("status", "--porcelain"):
            found.append("the work tree has changes: commit them or put them away (git status)")
        if self._git("tag", "--list", f"v{version}"):
            found.append(f"the tag v{version} is there already")
        return found

    @contextmanager
    def beside(self) -> Iterator["Repository"]:
        """Have a work tree of the same commit in a folder that goes away."""
        with tempfile.TemporaryDirectory(prefix="modelalias-release-") as folder:
            tree = Path(folder) / "tree"
            self._git("worktree", "add", "--quiet", "--detach", str(tree), "HEAD")
            try:
                yield Repository(tree)
            finally:
                self._git("worktree", "remove", "--force", str(tree))

    def commit(self, subject: str) -> str:
        """Commit every change, and return the commit."""
        self._git("commit", "--quiet", "--all", f"--message={subject}")
        return self._git("rev-parse", "HEAD")

    def seconds(self) -> str:
        """Return when the commit was made, as SOURCE_DATE_EPOCH has it."""
        return self._git("log", "-1", "--format=%ct")

    def advance(self, commit: str) -> None:
        """Bring the branch of this work tree to a commit that stands on it."""
        self._git("merge", "--quiet", "--ff-only", commit)

    def _git(self, *words: str) -> str:
        return run(["git", *words], self.root).strip()
