"""`make pictures`: the pages in light and dark as docs/pictures/*.png, taken in a real browser on a real cluster.

What they show is `tests/support/shown_team.py`, in a namespace of its own that is removed at the end.
"""

import argparse
import io
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, expect

from tests.support.chromium import Scheme, chromium, window
from tests.support.installation import install_account, install_policy
from tests.support.kube_api import KubeApi, Person
from tests.support.opened_dashboard import Dashboard, dashboard
from tests.support.shown_team import ANA, BO, CHURN, WAITS, ShownTeam, bind

ROOT: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = ROOT / "docs" / "pictures"
KUBECONFIG: Final = ROOT / ".cluster" / "kubeconfig"
NAMESPACE: Final = "pricing"
SIZE: Final = (1200, 860)
COLOURS: Final = 128
"""As many as a page has with its letters' edges, and a third of the bytes."""
PAGES: Final[Mapping[Person, Mapping[str, str]]] = {
    BO: {
        "board": f"/?namespace={NAMESPACE}",
        "approvals": "/approvals",
        "request": f"/r/{NAMESPACE}/{WAITS}",
        "approve": f"/r/{NAMESPACE}/{WAITS}/approve",
    },
    ANA: {
        "alias": f"/a/{NAMESPACE}/{CHURN}",
        "promote": f"/a/{NAMESPACE}/{CHURN}/promote",
        "model": "/m/default/churn",
    },
}
"""Who sees what."""
_SCHEMES: Final[tuple[Scheme, ...]] = ("light", "dark")


def main() -> int:
    """Take all pictures, and return 1 if the cluster is not as it has to be."""
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, default=KUBECONFIG)
    kubeconfig = str(parser.parse_args().kubeconfig)
    install_account(kubeconfig)
    install_policy(kubeconfig)
    api = KubeApi(kubeconfig)
    made = api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    if not made.ok:
        sys.stderr.write(f"pictures: {made.message}\n")
        return 1
    try:
        bind(api, NAMESPACE)
        ShownTeam(api, NAMESPACE).fill()
        for who, shown in PAGES.items():
            with dashboard(kubeconfig, NAMESPACE, who) as pages, chromium() as browser:
                for scheme in _SCHEMES:
                    _take(browser, pages, scheme, shown)
    finally:
        api.send("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    return 0


def _take(browser: Browser, pages: Dashboard, scheme: Scheme, shown: Mapping[str, str]) -> None:
    FOLDER.mkdir(exist_ok=True)
    with window(browser, pages, scheme=scheme, size=SIZE) as (context, _):
        page = context.new_page()
        for name, address in shown.items():
            page.goto(address)
            expect(page.locator("h1")).to_be_visible()
            if page.locator("#live").count():  # forms that nothing changes have none
                expect(page.locator("#live")).to_have_text("Live")
            file = FOLDER / f"{name}-{scheme}.png"
            _write(page.screenshot(), file)
            sys.stderr.write(f"pictures: {file.relative_to(ROOT)}, {file.stat().st_size} bytes\n")


def _write(png: bytes, file: Path) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
