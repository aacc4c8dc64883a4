"""People, by any of the services that apprise knows, as the port `Channel`.

apprise is imported when the first letter is sent, and works in a thread of its own that nothing waits for longer than it
is worth: a service that lets its answer drip cannot be cut off. What it logs may hold the address, and goes nowhere.
"""

import asyncio
import logging
import threading
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from modelalias.adapters.credential_files import CredentialTexts
from modelalias.channels import AppriseSettings
from modelalias.core.errors import Refused, Unavailable
from modelalias.ports import Letter

if TYPE_CHECKING:
    from apprise import Apprise

MOST_THREADS: Final = 3
"""Of one channel; letters that nobody waits for any more count until their service lets go."""
APP: Final = "modelalias"


class _End(Enum):
    """How a thread ended; it hands out no error, whose text may hold the address."""

    SENT = auto()
    NOT_SENT = auto()
    NO_SERVICE = auto()


class AppriseChannel:
    """One service; made in a running event loop."""

    is_for_people = True

    def __init__(self, name: str, settings: AppriseSettings) -> None:
        """Take the channel's configured name."""
        self._file, self._owner = settings.url_file, f"the channel {name}'s"
        self._name = name
        self._texts = CredentialTexts(self._owner)
        self._opened: tuple[str, Apprise] | None = None
        self._lock = threading.Lock()
        self._threads = 0

    async def send(self, letter: Letter) -> None:
        """Deliver the text; raise as the port says."""
        url = self._texts.text(self._file) or ""
        match await self._in_a_thread(partial(self._deliver, url, letter)):
            case _End.NOT_SENT:
                raise Unavailable(f"{self._owner} service did not take it")
            case _End.NO_SERVICE:
                raise Refused(f"{self._owner} file {self._file.name} holds no URL that apprise knows")

    async def close(self) -> None:
        """Forget the service; threads that are left do not keep the process."""
        self._opened = None

    async def _in_a_thread(self, work: Callable[[], _End]) -> _End:
        if self._threads >= MOST_THREADS:
            raise Unavailable(f"{self._owner} service has not let go of earlier letters")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[_End] = loop.create_future()

        def ended(end: _End) -> None:
            self._threads -= 1
            if not answer.done():
                answer.set_result(end)

        def run() -> None:
            try:
                end = work()
            except Exception:  # noqa: BLE001 - whatever it says may hold the address
                end = _End.NOT_SENT
            try:
                loop.call_soon_threadsafe(ended, end)
            except RuntimeError:  # the loop has ended, and nobody waits
                return

        self._threads += 1
        threading.Thread(target=run, name=f"channel {self._name}", daemon=True).start()
        return await answer

    def _deliver(self, url: str, letter: Letter) -> _End:
        service = self._service(url)
        if service is None:
            return _End.NO_SERVICE
        sent = service.notify(
            title=letter.title, body=letter.text, notify_type=str(letter.severity), body_format="text"
        )
        return _End.SENT if sent else _End.NOT_SENT

    def _service(self, url: str) -> "Apprise | None":
        """Return the service behind a URL, None when there is not exactly one."""
        with self._lock:
            if self._opened is None or self._opened[0] != url:
                service = _library().Apprise(asset=_asset())
                if not service.add(url) or len(service) != 1:
                    return None
                self._opened = url, service
            return self._opened[1]


def _library() -> Any:
    """Return apprise, with its logs going nowhere."""
    import apprise  # noqa: PLC0415 - an extra, which takes a second to load

    logger = logging.getLogger("apprise")
    logger.handlers, logger.propagate = [logging.NullHandler()], False
    return apprise


def _asset() -> Any:
    """Return what apprise shows of us, and that it goes where it is sent and nowhere else."""
    return _library().AppriseAsset(
        app_id=APP,
        app_desc=APP,
        app_url="",
        image_url_mask="",
        image_url_logo="",
        http_redirects=False,
        secure_logging=True,
        allow_templates=False,
        service_timeout=0,
    )
