"""What the documentation site needs beside Sphinx, as an extension of it: docs/conf.py names it.

Every page keeps its place, so that a link means the same on the site and in the repository's own viewer. A link to what
is no page, such as a manifest, leads to the repository once pyproject.toml says where that is (`project.urls.Source`);
until then a file is copied beside the pages, and a folder is named without a link.
"""

import re
import shutil
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from docutils import nodes
from sphinx.addnodes import download_reference, pending_xref
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms import SphinxTransform

ROOT: Final = Path(__file__).parents[1]
_FETCHED: Final = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\s(?:src|srcset)=["'](?:https?:)?//"""
    r"""|<link\b[^>]*\srel=["'](?:stylesheet|preload|icon)["'][^>]*\shref=["'](?:https?:)?//"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//|url\(["']?(?:https?:)?//""",
    re.IGNORECASE,
)
"""What a browser would fetch from somewhere else; a link that a person may follow is none of it."""


def source_address(pyproject: str) -> str | None:
    """Return the address of the branch's files, or None while the repository has no public address."""
    address: str | None = tomllib.loads(pyproject)["project"].get("urls", {}).get("Source")
    return address and address.rstrip("/")


def path_in_repository(page: str, link: str) -> str | None:
    """Return what a relative link of a page names, as a path from the top, or None if there is no such thing."""
    place = (ROOT / page).parent / link.partition("#")[0]
    resolved = place.resolve()
    return str(resolved.relative_to(ROOT)) if resolved.exists() and resolved.is_relative_to(ROOT) else None


class LinksIntoRepository(SphinxTransform):
    """Leads links to files and folders that are no pages to the repository, or takes them away."""

    default_priority = 1  # before Sphinx copies downloads, and before it looks for what a reference means

    def apply(self, **_: Any) -> None:
        """Change the links of one page."""
        page = str(self.env.doc2path(self.env.docname, base=False))
        source: str | None = self.config.modelalias_source
        for node in [*self.document.findall(download_reference), *self.document.findall(pending_xref)]:
            is_file = isinstance(node, download_reference)
            if node.get("reftype") != "myst" or not (is_file or node.get("refdomain") is None):
                continue
            path = path_in_repository(page, str(node["reftarget"]))
            if path is None or (is_file and source is None):
                continue
            text = [child.deepcopy() for child in node.children]
            node.replace_self(nodes.reference("", "", *text, refuri=f"{source}/{path}") if source else text)


def fetched_from_elsewhere(text: str) -> Sequence[str]:
    """Return where a page or a style sheet would have a browser fetch something from another server."""
    return [match.group() for match in _FETCHED.finditer(text)]


def _finished(app: Sphinx, failure: Exception | None) -> None:
    """Copy the pictures that pages show in HTML of their own, and refuse a site that is not whole."""
    if failure or app.builder.format != "html":
        return
    shutil.copytree(ROOT / "docs/pictures", app.outdir / "docs/pictures", dirs_exist_ok=True)
    for path in sorted(app.outdir.rglob("*")):
        if path.suffix in {".html", ".css"} and (
            elsewhere := fetched_from_elsewhere(path.read_text("utf-8"))
        ):
            raise ExtensionError(f"{path.relative_to(app.outdir)} fetches from elsewhere: {elsewhere[0]}")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension with Sphinx."""
    app.add_config_value("modelalias_source", None, "env", (str, type(None)))
    app.add_transform(LinksIntoRepository)
    app.connect("build-finished", _finished)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
