"""Serving a workbench: on this machine alone, unless told otherwise and given a certificate."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from headwater.errors import ConfigError
from headwater_web.app import application
from headwater_web.cases import OpenCase, opened_cases
from headwater_web.identity_provider import IdentityProvider
from headwater_web.routes import BEGUN, ROUTES
from headwater_web.screens.provider import RETURN_PATH
from headwater_web.state import Store, open_state
from headwater_web.workbench import Workbench

__all__ = ["Address", "address_of", "opened_workbench", "serve", "workbench_at"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where the workbench listens, and under which name it is asked for.

    Attributes:
        host: Address that is listened on.
        port: Port.
        name: Name that stands in the browser's address bar.
        certificate: TLS certificate chain, PEM; None on loopback.
        key: Its private key, PEM.
    """

    host: str
    port: int
    name: str
    certificate: Path | None = None
    key: Path | None = None

    @property
    def url(self) -> str:
        """What people type."""
        scheme, usual = ("https", 443) if self.certificate else ("http", 80)
        return f"{scheme}://{self.name}" + ("" if self.port == usual else f":{self.port}") + "/"


def address_of(host: str, port: int, name: str, certificate: Path | None, key: Path | None) -> Address:
    """The address, if it may be listened on.

    Raises:
        ConfigError: It is none of this machine's loopback, and no certificate was given; or one file is missing.
    """
    if not 0 <= port <= 65_535:
        raise ConfigError(f"--port {port}: a port is a number up to 65535")
    if (certificate is None) != (key is None):
        raise ConfigError("--tls-certificate and --tls-key belong together; give both or neither")
    for path in (certificate, key):
        if path is not None and not path.is_file():
            raise ConfigError(f"{path}: there is no such file; give the PEM file")
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        raise ConfigError(f"--host '{host}': give an IP address of this machine") from None
    if not loopback and certificate is None:
        raise ConfigError(
            f"--host {host}: other machines could reach it, so that it needs TLS; "
            "give --tls-certificate and --tls-key, or leave --host out"
        )
    if not loopback and not name:
        raise ConfigError(f"--host {host}: say by --name under which name people reach it, as the certificate has it")
    listened = "127.0.0.1" if host == "localhost" else host
    return Address(host=listened, port=port, name=name or "localhost", certificate=certificate, key=key)


def opened_workbench(
    cases: Sequence[Path], state: Path, address: Address, *, database_url: str = "",
    provider: IdentityProvider | None = None,
) -> Workbench:  # fmt: skip
    """The workbench of these cases, with the state in that folder.

    Raises:
        ConfigError: Something about them cannot be served.
    """
    store: Store = open_state(state, database_url=database_url)
    try:
        opened = opened_cases(cases)
    except BaseException:
        store.close()
        raise
    return workbench_at(opened, store, address, provider)


def workbench_at(
    opened: Mapping[str, OpenCase], store: Store, address: Address, provider: IdentityProvider | None = None
) -> Workbench:
    """The workbench as it is asked for under an address."""
    names = {address.name}
    if address.certificate is None:
        names |= {"localhost", "127.0.0.1", "[::1]"}
    scheme, usual = ("https", 443) if address.certificate else ("http", 80)
    hosts = {f"{name}:{address.port}" for name in names}
    if address.port == usual:
        hosts |= names
    named = not address.name.replace(".", "").isdigit()
    return Workbench(
        cases=opened,
        store=store,
        routes=ROUTES,
        hosts=frozenset(hosts),
        origins=frozenset(f"{scheme}://{host}" for host in hosts),
        secure_transport=address.certificate is not None,
        rp_id=address.name if named else "",
        provider=provider,
        return_address=f"{address.url}{RETURN_PATH.lstrip('/')}",
    )


def serve(workbench: Workbench, address: Address, ready: Callable[[str], None]) -> None:
    """Serve until the program is ended; `ready` is told the address to type."""
    config = uvicorn.Config(
        application(workbench),
        host=address.host,
        port=address.port,
        ssl_certfile=address.certificate,
        ssl_keyfile=address.key,
        access_log=False,  # who read what is in the access log of the case, with the reason
        server_header=False,
        date_header=False,
        log_level="warning",
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    for case in workbench.cases.values():
        case.begin_making(BEGUN)
    ready(address.url)
    uvicorn.Server(config).run()
