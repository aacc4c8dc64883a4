"""The lineage of a version as a picture: data, run, version, alias, and who moved the alias there."""

from collections.abc import Iterator

from modelalias.cli.graph_text import Edge, Graph, Node, node
from modelalias.cli.version_lineage import Lineage, Record


def graph(lineage: Lineage) -> Graph:
    """Return the picture; what is not known is a box that says so."""
    made = "is said to have made" if lineage.foreign else "made"
    nodes = [_data(lineage), _run(lineage), _version(lineage)]
    edges = [Edge("data", "run", "was read by"), Edge("run", "version", made)]
    for number, record in enumerate(lineage.records):
        names = "is named by" if record.alias in lineage.aliases else "has a record as"
        nodes += [
            node(f"alias{number}", f"alias {record.alias}"),
            node(f"record{number}", *_people(record), is_proved=record.is_proved),
        ]
        edges += [
            Edge("version", f"alias{number}", names),
            Edge(f"alias{number}", f"record{number}", "was moved by"),
        ]
    return Graph(nodes, edges)


def _data(lineage: Lineage) -> Node:
    md5 = lineage.data.md5
    return node("data", "data", f"md5 {md5}" if md5 else f"md5 not known ({lineage.data.agreement})")


def _run(lineage: Lineage) -> Node:
    run, commit = lineage.run, lineage.git_commit
    if run is None:
        return node(
            "run",
            f"run {lineage.version.run_id or 'not known'}",
            "is gone" if lineage.version.run_id else "the version names none",
        )
    state = "deleted" if run.deleted else run.status
    return node(
        "run",
        f"run {run.run_id}",
        f"commit {commit or 'not known'}",
        f"by {run.user or 'an unknown user'}, {state}",
    )


def _version(lineage: Lineage) -> Node:
    version = lineage.version
    return node("version", f"model {version.model}", f"version {version.version}")


def _people(record: Record) -> Iterator[str]:
    """Return who moved the alias and who approved, as proved, as a claim, or why nothing is known."""
    parts = record.parts
    if not parts:
        yield f"nothing is proved: {record.verification.message}"
        return
    yield "proved" if record.is_proved else "signature not checked"
    operation, outcome = parts.get("operation"), parts.get("outcome")
    yield (
        f"{operation}, {outcome}, by {parts.get('by') or 'an unknown user'}" if operation else "no promotion"
    )
    approvers = parts.get("approvers")
    if isinstance(approvers, list):
        yield f"approved by {', '.join(map(str, approvers))}"
    if operation:
        yield f"replaced version {parts['from']}" if "from" in parts else "replaced no version"
