"""The bare side of a cold start: the operator's imports, a list of every ModelAlias, every page of the registry, and no rule.

It runs in the product's own environment: `python bare_start.py NAMESPACE MLFLOW`, with KUBECONFIG as usual. It prints
how many aliases hold in the registry what their status says.
"""

import asyncio
import hashlib
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import requests

import modelalias.__main__  # noqa: F401 - the same imports on both sides
from modelalias.adapters.kubernetes_client import open_client

CHUNK: Final = 250
"""As many objects a page as the operator asks for."""
PAGE: Final = 1000


async def listed(namespace: str) -> Mapping[tuple[str, str], Any]:
    """List the ModelAliases by pages: model and alias to the status, and a digest of each as one would keep it."""
    client = await open_client(os.environ["KUBECONFIG"])
    known: dict[tuple[str, str], Any] = {}
    token = ""
    try:
        while True:
            headers: dict[str, str] = {}
            await client.update_params_for_auth(headers, None, ["BearerToken"], "", "GET", None)
            url = (
                f"{client.configuration.host}/apis/modelalias.dev/v1alpha1/namespaces/{namespace}/modelaliases"
                f"?limit={CHUNK}&continue={token}"
            )
            response = await client.call_api("GET", url, header_params=headers)
            page = json.loads(await response.read())  # type: ignore[no-untyped-call]  # no types in its library
            for item in page["items"]:
                digest = hashlib.sha256(json.dumps(item).encode()).hexdigest()
                known[item["spec"]["model"], item["spec"]["alias"]] = (item.get("status", {}), digest)
            token = page["metadata"].get("continue", "")
            if not token:
                return known
    finally:
        await client.close()  # type: ignore[no-untyped-call]  # as above


def held(uri: str) -> Mapping[tuple[str, str], str]:
    """Read what every alias of the registry holds."""
    found: dict[tuple[str, str], str] = {}
    token = ""
    with requests.Session() as session:
        while True:
            answer = session.get(
                f"{uri}/api/2.0/mlflow/registered-models/search",
                params={"max_results": str(PAGE), "page_token": token},
                timeout=60,
            )
            answer.raise_for_status()
            page = answer.json()
            for model in page.get("registered_models", ()):
                for item in model.get("aliases", ()):
                    found[model["name"], item["alias"]] = item["version"]
            token = page.get("next_page_token", "")
            if not token:
                return found


async def main() -> None:
    """List both at once, compare, and print."""
    aliases, versions = await asyncio.gather(listed(sys.argv[1]), asyncio.to_thread(held, sys.argv[2]))
    same = sum(
        status.get("observed", {}).get("version") == versions.get(key) for key, (status, _) in aliases.items()
    )
    print(json.dumps({"same": same, "aliases": len(aliases)}))  # noqa: T201 - its output


if __name__ == "__main__":
    asyncio.run(main())
