"""The documentation site: `make docs` builds it from the repository's Markdown, each page in its place.

Why it is made this way: docs/decisions/0082-the-documentation-site.md.
"""

import tomllib
from pathlib import Path

from hack.site import source_address

_PYPROJECT = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")

project = "modelalias"
version = tomllib.loads(_PYPROJECT)["project"]["version"]
release = version
root_doc = "docs/index"
extensions = ["myst_parser", "hack.site"]
modelalias_source = source_address(_PYPROJECT)

include_patterns = [
    "docs/**",
    "examples/README.md",
    "examples/*/README.md",
    "charts/*/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
# folders that Sphinx would look into for pages, and what is read in the repository only
exclude_patterns = [
    ".*",
    "**/.*",
    "build",
    "operator",
    "tests",
    "hack",
    "manifests",
    "training",
    "crds",
    "mlruns",
]

nitpicky = True
suppress_warnings = [
    "misc.highlighting_failure"
]  # shortened JSON and templates of Helm are neither JSON nor YAML

myst_heading_anchors = 6  # as GitHub makes them
myst_links_external_new_tab = False

html_theme = "furo"
html_title = "modelalias"
html_extra_path = ["site/index.html"]
html_static_path = ["site/site.css"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"source_repository": modelalias_source or "", "top_of_page_buttons": []}
