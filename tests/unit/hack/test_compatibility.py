from hack.compatibility import NAMES, Outcome, outcome_of, stated
from hack.mlflow_releases import SERVERS, Server

REPORT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"/>
<testcase name="c"><failure message="assert"/></testcase>
<testcase name="d"><error message="no server"/></testcase>
<testcase name="e"><skipped message="MLflow 2.22.5 has no logged models"/></testcase>
<testcase name="f"><skipped message="MLflow 2.22.5 has no logged models"/></testcase>
<testcase name="g"><skipped message="another database than SQLite has no run ids of any length"/></testcase>
</testsuite></testsuites>"""


def test_the_page_states_each_server_that_is_run_and_no_other() -> None:
    cells = [row.split(" | ") for row in stated()]

    assert [(cell[0].lstrip("| "), cell[1]) for cell in cells] == [
        (server.release, NAMES[server.database]) for server in SERVERS
    ]
    assert {cell[2] for cell in cells} == {"0"}, "a release with failures is not one that it works with"


def test_a_report_is_counted_with_the_reasons_of_what_was_left_out() -> None:
    server = Server("2.22.5", "mariadb")

    outcome = outcome_of(server, REPORT)

    assert outcome == Outcome(server, 2, 2, ("2 for logged models", "1 for run ids of any length"))
    assert str(outcome) == (
        "| 2.22.5 | MariaDB 10.11 | 2 | 2 for logged models; 1 for run ids of any length |\n"
    )
