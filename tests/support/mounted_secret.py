"""A Secret as the kubelet mounts it: files are links through `..data`, which a change of the Secret replaces
at once."""

from collections.abc import Mapping
from pathlib import Path


class MountedSecret:
    """A folder that a pod would see."""

    def __init__(self, directory: Path, files: Mapping[str, str]) -> None:
        """Mount the Secret with these files, by name."""
        self._directory = directory
        self._revisions = 0
        directory.mkdir(parents=True)
        self.replace(files)
        for name in files:
            self.path(name).symlink_to(Path("..data") / name)

    def path(self, name: str) -> Path:
        """Return where the operator finds a file."""
        return self._directory / name

    def replace(self, files: Mapping[str, str]) -> None:
        """Swap all files in one step."""
        self._revisions += 1
        revision = self._directory / f"..{self._revisions}"
        revision.mkdir()
        for name, text in files.items():
            (revision / name).write_text(text)
        link = self._directory / "..data_tmp"
        link.symlink_to(revision.name)
        link.rename(self._directory / "..data")
