"""Commands of the workbench: serve, people. Each goes on as another program, as this one opens no socket."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headwater.cli.options import AsJson
from headwater.errors import ConfigError

__all__ = ["register"]

State = Annotated[
    Path | None,
    typer.Option("--state", help="Folder of the workbench's own state; default: 'workbench' beside the first case."),
]
DatabaseUrl = Annotated[
    str, typer.Option("--database-url", help="Where people and sessions are kept; default: a file in that folder.")
]
By = Annotated[str, typer.Option("--operator", help="Who does this, for the workbench's log.")]
PersonName = Annotated[str, typer.Argument(metavar="NAME", help="The person's name, as decisions will carry it.")]
NeededState = Annotated[Path, typer.Option("--state", help="Folder of the workbench's own state.")]

_people = typer.Typer(help="People who may sign in to the workbench, and the cases they work on.")


def register(app: typer.Typer) -> None:
    """Add these commands."""
    app.command("serve")(serve)
    app.add_typer(_people, name="people")


def _go_on(verb: str, **asked: object) -> None:
    """Become the program that serves. What is handed over are names and paths; passwords are never among them."""
    sys.stdout.flush()
    text = json.dumps(asked, default=str)
    os.execv(sys.executable, [sys.executable, "-I", "-m", "headwater_web", verb, text])  # noqa: S606 - no shell


def serve(
    cases: Annotated[list[Path], typer.Argument(metavar="CASE...", help="Folders of the cases.")],
    state: State = None,
    single: Annotated[
        str, typer.Option("--single", metavar="NAME", help="For a machine of one person: who that is.")
    ] = "",
    port: Annotated[int, typer.Option("--port", help="Port.")] = 8765,
    host: Annotated[str, typer.Option("--host", help="Address to listen on; other than loopback, only with TLS.")] = (
        "127.0.0.1"
    ),
    name: Annotated[str, typer.Option("--name", help="Name under which browsers reach it; default: localhost.")] = "",
    tls_certificate: Annotated[Path | None, typer.Option("--tls-certificate", help="Certificate chain, PEM.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", help="Its private key, PEM.")] = None,
    oidc_config: Annotated[
        Path | None,
        typer.Option("--oidc-config", metavar="FILE", help="Also sign in at the identity provider of this file."),
    ] = None,
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Serve the workbench: a browser on this machine shows the cases to people who sign in."""
    from headwater.config import read_settings

    for case in cases:
        read_settings(case)
    _go_on(
        "serve",
        cases=[str(case.absolute()) for case in cases],
        state=(state or cases[0].absolute().parent / "workbench").absolute(),
        single=single,
        port=port,
        host=host,
        name=name,
        tls_certificate=tls_certificate.absolute() if tls_certificate else "",
        tls_key=tls_key.absolute() if tls_key else "",
        oidc_config=oidc_config.absolute() if oidc_config else "",
        database_url=database_url,
        json=as_json,
    )


@_people.command("add")
def add(
    name: PersonName,
    state: NeededState,
    administrator: Annotated[
        bool, typer.Option("--administrator", help="Makes people and memberships, and reads no case.")
    ] = False,
    operator: By = "command line",
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Add a person; prints the code with which they set up their own sign-in, once."""
    _go_on(
        "add",
        name=name,
        state=state.absolute(),
        administrator=administrator,
        operator=operator,
        database_url=database_url,
        json=as_json,
    )


@_people.command("list")
def listed(state: NeededState, database_url: DatabaseUrl = "", as_json: AsJson = False) -> None:
    """List the people, and what each may work on until when."""
    _go_on("list", state=state.absolute(), database_url=database_url, json=as_json)


@_people.command("reset")
def reset(
    name: PersonName,
    state: NeededState,
    operator: By = "command line",
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Give a person a new setup code, after they lost password, telephone or key."""
    _go_on("reset", name=name, state=state.absolute(), operator=operator, database_url=database_url, json=as_json)


@_people.command("member")
def member(
    name: PersonName,
    case: Annotated[Path, typer.Argument(metavar="CASE", help="Folder of the case.")],
    state: NeededState,
    role: Annotated[str, typer.Option("--role", help="analyst, victim-data analyst, approver or auditor.")],
    purpose: Annotated[str, typer.Option("--purpose", help="What for; stands in the log beside every access.")],
    until: Annotated[str, typer.Option("--until", metavar="DAY", help="Last day of it, such as 2027-03-31.")],
    operator: By = "command line",
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """Let a person work on a case, in a role, for a purpose, until a day."""
    from headwater.config import read_settings

    read_settings(case)
    _go_on(
        "member",
        name=name,
        case=case.absolute(),
        state=state.absolute(),
        role=role,
        purpose=purpose,
        until=until,
        operator=operator,
        database_url=database_url,
        json=as_json,
    )


@_people.command("oidc")
def oidc(
    name: PersonName,
    state: NeededState,
    issuer: Annotated[str, typer.Option("--issuer", help="The identity provider, as its configuration names it.")],
    subject: Annotated[
        str, typer.Option("--subject", metavar="SUB", help="The person's identifier there, which never changes.")
    ] = "",
    end: Annotated[bool, typer.Option("--end", help="End it instead; the person's sessions end, too.")] = False,
    operator: By = "command line",
    database_url: DatabaseUrl = "",
    as_json: AsJson = False,
) -> None:
    """State who a person is at an identity provider, so that they can sign in there."""
    if end == bool(subject):
        raise ConfigError("give either --subject, or --end")
    _go_on(
        "oidc",
        name=name,
        state=state.absolute(),
        issuer=issuer,
        subject=subject,
        end=end,
        operator=operator,
        database_url=database_url,
        json=as_json,
    )
