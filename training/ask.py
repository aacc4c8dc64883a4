"""`python -m training.ask URL`: ask for many predictions, one row each, and count which version answered.

The rows are fresh ones of the pipeline's own kind. Exit status: 0 every request was answered, 1 one was not, 2 a
wrong call.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from training.pipelines import NAMES, pipeline
from training.settings import report

_CONNECTIONS = 4
_ANSWER_SECONDS = 30.0
_OK = 200


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print who answered, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.ask", description=main.__doc__)
    parser.add_argument("url", help="where /predict is, such as http://127.0.0.1:8080")
    parser.add_argument("--host", help="the name to ask for, where a gateway serves several")
    parser.add_argument("--pipeline", choices=NAMES, default="churn")
    parser.add_argument("--requests", type=int, default=100)
    options = parser.parse_args(arguments)
    address = urlsplit(options.url)
    if address.scheme != "http" or not address.hostname or options.requests < 1:
        parser.error("an address that begins with http:// and at least one request are needed")
    versions, failures = ask(
        address, options.host or address.netloc, bodies(options.pipeline, options.requests)
    )
    sys.stdout.write(table(versions))
    for failure, count in sorted(failures.items()):
        report("error", f"{count} requests were not answered: {failure}")
    return 1 if failures else 0


def bodies(name: str, count: int) -> Sequence[bytes]:
    """Return so many bodies of requests, each with a row that no version was trained on."""
    chosen = pipeline(name)
    rows = chosen.frame(chosen.generate(max(count, chosen.rows), chosen.holdout_seed))[list(chosen.features)]
    return [
        json.dumps({"dataframe_records": [row]}).encode()
        for row in rows.head(count).to_dict(orient="records")
    ]


def ask(address: SplitResult, host: str, requests: Sequence[bytes]) -> tuple[Counter[str], Counter[str]]:
    """Send the requests over a few connections, and count the answers by version, and the failures by their kind."""
    versions: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    with ThreadPoolExecutor(_CONNECTIONS) as threads:
        shares = [requests[place::_CONNECTIONS] for place in range(_CONNECTIONS)]
        for answers in threads.map(lambda share: list(_answers(address, host, share)), shares):
            for version, failure in answers:
                (failures if failure else versions)[failure or version] += 1
    return versions, failures


def table(versions: Counter[str]) -> str:
    """Return a line for each version with its number of answers and its share."""
    lines = [f"{'VERSION':10}{'ANSWERS':10}SHARE"]
    lines += [
        f"{version:10}{count:<10}{100 * count / versions.total():.0f} %"
        for version, count in sorted(versions.items())
    ]
    return "".join(f"{line}\n" for line in lines)


def _answers(address: SplitResult, host: str, requests: Sequence[bytes]) -> Iterator[tuple[str, str]]:
    """Yield for each request the version that answered, or "" and what became of it."""
    connection = HTTPConnection(str(address.hostname), address.port, timeout=_ANSWER_SECONDS)
    headers = {"Host": host, "Content-Type": "application/json"}
    with closing(connection):
        for body in requests:
            try:
                connection.request("POST", f"{address.path.rstrip('/')}/predict", body, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, HTTPException) as error:
                connection.close()  # the next request opens it again
                yield "", type(error).__name__
                continue
            if answer.status == _OK:
                yield str(json.loads(text)["version"]), ""
            else:
                yield "", f"status {answer.status}"


if __name__ == "__main__":
    sys.exit(main())
