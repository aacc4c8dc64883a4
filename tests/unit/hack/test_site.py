"""The documentation site: links that leave the pages, and that no browser has to fetch anything from elsewhere."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import pytest
from docutils import nodes
from sphinx.addnodes import download_reference
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from hack import site

# MyST asks Sphinx 9 for what Sphinx 11 will not have
pytestmark = pytest.mark.filterwarnings("ignore:'myst_parser:PendingDeprecationWarning")
BRANCH = "https://code.example/ml/modelalias/tree/main"
PAGE = """# Page

[the configuration](../manifests/base/config.yaml), [all of them](../manifests/base#anchor) and [another page](other.md)
"""


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/index.md").write_text(f"{PAGE}\n```{{toctree}}\nother\n```\n")
    (tmp_path / "docs/other.md").write_text("# Other\n")
    (tmp_path / "manifests/base").mkdir(parents=True)
    (tmp_path / "manifests/base/config.yaml").write_text("registries: {}\n")
    return tmp_path


def _links(pages: Path, source: str | None) -> Sequence[tuple[str, str]]:
    """Return text and target of each link of the first page that leads to no page."""
    warnings = StringIO()
    with patch_docutils(), docutils_namespace():
        built = Sphinx(
            pages,
            None,
            pages / "build",
            pages / "doctrees",
            "dummy",
            confoverrides={
                "extensions": ["myst_parser", "hack.site"],
                "root_doc": "docs/index",
                "modelalias_source": source,
            },
            status=None,
            warning=warnings,
        )
        built.build()
    assert warnings.getvalue() == ""
    document = built.env.get_doctree("docs/index")
    leading = [node for node in document.findall(nodes.reference) if "refuri" in node]
    return [
        *((node.astext(), node["refuri"]) for node in leading),
        *((node.astext(), node["reftarget"]) for node in document.findall(download_reference)),
    ]


def test_links_to_what_is_no_page_lead_to_the_repository(pages: Path) -> None:
    assert _links(pages, BRANCH) == [
        ("the configuration", f"{BRANCH}/manifests/base/config.yaml"),
        ("all of them", f"{BRANCH}/manifests/base"),
    ]


def test_without_an_address_files_are_copied_and_folders_have_no_link(pages: Path) -> None:
    assert _links(pages, None) == [("the configuration", "../manifests/base/config.yaml")]


def test_a_link_to_nothing_ends_the_build(pages: Path) -> None:
    (pages / "docs/other.md").write_text("# Other\n\n[gone](../manifests/gone.yaml)\n")

    with pytest.raises(AssertionError, match=r"gone\.yaml"):
        _links(pages, BRANCH)


@pytest.mark.parametrize(
    ("pyproject", "address"),
    [
        ('[project]\nname = "x"\n', None),
        (f'[project]\nname = "x"\n[project.urls]\nSource = "{BRANCH}/"\n', BRANCH),
        ('[project]\nname = "x"\n[project.urls]\nIssues = "https://code.example/issues"\n', None),
    ],
    ids=("no address", "an address", "another address"),
)
def test_the_address_is_one_value_of_the_project(pyproject: str, address: str | None) -> None:
    assert site.source_address(pyproject) == address


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<script defer src='//cdn.example/x.js'></script>",
        '<link rel="stylesheet" type="text/css" href="https://fonts.example/css" />',
        '<img alt="x" src="http://pictures.example/x.png">',
        "@font-face{src:url(https://fonts.example/x.woff2)}",
        '@import "https://fonts.example/x.css";',
    ],
)
def test_what_a_browser_would_fetch_is_found(text: str) -> None:
    assert site.fetched_from_elsewhere(text)


@pytest.mark.parametrize(
    "text",
    [
        '<a class="reference external" href="https://mlflow.org/docs">MLflow</a>',
        '<script src="../_static/scripts/furo.js?v=1"></script>',
        '<link rel="stylesheet" href="_static/styles/furo.css" />',
        "svg{background:url(data:image/svg+xml;base64,AA)}",
    ],
)
def test_what_a_person_follows_and_what_is_ours_is_none_of_it(text: str) -> None:
    assert site.fetched_from_elsewhere(text) == []
