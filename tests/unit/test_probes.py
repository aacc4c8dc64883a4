"""Probes are answered on IPv4 and on IPv6, and where there is no IPv6."""

import asyncio
import errno
import socket
from contextlib import closing
from typing import Any

import aiohttp
import pytest

from modelalias import probes

_V4, _V6 = "127.0.0.1", "::1"


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("0.0.0.0", 0))  # noqa: S104 - as the probes do
        return int(found.getsockname()[1])


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as found:
            found.bind((_V6, 0))
    except OSError:
        return False
    return True


async def _status(host: str, port: int, path: str = probes.PATH) -> int:
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}{path}"
    async with aiohttp.ClientSession() as client, client.get(url) as answer:
        return answer.status


async def _asked(port: int, *hosts: str) -> list[int]:
    async with probes.answered(port):
        return [await _status(host, port) for host in hosts]


def test_both_families_are_answered() -> None:
    hosts = (_V4, _V6) if _has_ipv6() else (_V4,)

    assert asyncio.run(_asked(_free_port(), *hosts)) == [200] * len(hosts)


def test_the_port_is_free_afterwards() -> None:
    port = _free_port()

    assert asyncio.run(_asked(port, _V4)) == asyncio.run(_asked(port, _V4)) == [200]


def test_a_kernel_without_ipv6_answers_on_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)

    assert asyncio.run(_asked(_free_port(), _V4)) == [200]


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT])
def test_a_host_that_has_ipv6_switched_off_answers_on_ipv4(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    real = socket.create_server

    def without_ipv6(address: Any, **options: Any) -> socket.socket:
        if options.get("family") == socket.AF_INET6:
            raise OSError(number, "no IPv6")
        return real(address, **options)

    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: True)
    monkeypatch.setattr(socket, "create_server", without_ipv6)

    assert asyncio.run(_asked(_free_port(), _V4)) == [200]


def test_a_port_that_is_taken_is_told() -> None:
    port = _free_port()
    with closing(probes.listener(port)), pytest.raises(OSError, match="in use"):
        probes.listener(port)
