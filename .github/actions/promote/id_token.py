"""A credential plugin for kubeconfigs: the identity that GitHub gives to a job, for the audience that is named.

Called again whenever the API server no longer takes the token, which lives for minutes only.
"""

import json
import os
import sys
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen


def main(audience: str) -> int:
    """Print the credential, or say why there is none."""
    address, token = (os.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    if not address or not token:
        sys.stderr.write("the job has no identity: it needs `permissions: id-token: write`\n")
        return 1
    asked = Request(  # noqa: S310 - the runner's own address
        f"{address}&{urlencode({'audience': audience})}", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urlopen(asked, timeout=30) as answer:  # noqa: S310 - as above
            value = json.load(answer)["value"]
    except (URLError, ValueError, KeyError, TypeError) as error:
        sys.stderr.write(f"GitHub gave the job no identity: {type(error).__name__}\n")
        return 1
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": value},
    }
    sys.stdout.write(json.dumps(credential))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
