"""What the command line asks of the workbench, as one JSON object on the command line of this process."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from headwater.errors import ConfigError, HeadwaterError
from headwater_web.cases import opened_cases
from headwater_web.identity_provider import read_provider
from headwater_web.rules import Role
from headwater_web.server import address_of, opened_workbench, serve
from headwater_web.state import Bindings, Memberships, People, Person, Sessions, open_state
from headwater_web.state.members import MEMBER_ROLES
from headwater_web.state.people import SETUP_HOURS

__all__ = ["main"]

_SINGLE_DAYS: Final = 365


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 2 bad use or bad input with one clear line."""
    try:
        verb, asked = arguments[0], json.loads(arguments[1])
        _VERBS[verb](asked)
    except HeadwaterError as error:
        sys.stderr.write(f"headwater: {' '.join(str(error).split())}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"headwater: {error.filename or 'system'}: {error.strerror or error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def _say(asked: Mapping[str, Any], row: Mapping[str, object], text: str) -> None:
    sys.stdout.write((json.dumps(row) if asked.get("json") else text) + "\n")
    sys.stdout.flush()


def _serve(asked: Mapping[str, Any]) -> None:
    certificate, key = (Path(p) if p else None for p in (asked["tls_certificate"], asked["tls_key"]))
    address = address_of(asked["host"], asked["port"], asked["name"], certificate, key)
    cases = [Path(case) for case in asked["cases"]]
    provider = read_provider(Path(asked["oidc_config"])) if asked["oidc_config"] else None
    workbench = opened_workbench(
        cases, Path(asked["state"]), address, database_url=asked["database_url"], provider=provider
    )
    if asked["single"]:
        _single(asked, workbench.people, workbench.members, [(c.case_id, c.purpose) for c in workbench.cases.values()])
    elif not workbench.people.listed():
        workbench.close()
        raise ConfigError(
            f"{asked['state']}: nobody is known yet; begin with 'headwater people add NAME --administrator "
            f"--state {asked['state']}', or serve with --single NAME on a machine of one person"
        )

    if provider is not None:
        why = f"sign-in at {provider.issuer} offered; its files have sha256:{provider.digest}"
        workbench.store.record("opened", "headwater", why)

    def ready(url: str) -> None:
        _say(asked, {"serving": url, "cases": len(cases)}, f"serving {len(cases)} case(s) at {url}; end with Ctrl-C")

    serve(workbench, address, ready)


def _single(asked: Mapping[str, Any], people: People, members: Memberships, cases: Sequence[tuple[str, str]]) -> None:
    """The one person of a laptop: made on first use, member of every case that is served, and still has to sign in."""
    name = asked["single"]
    known = people.listed()
    if any(person.name != name or not person.single for person in known):
        raise ConfigError("--single is for a machine of one person, and others are known here; serve without it")
    if not known:
        code = people.add(name, by=name, single=True)
        text = f"setup code for {name}: {code}   (type it at /setup within {SETUP_HOURS} hours; it is shown once)"
        _say(asked, {"name": name, "setup_code": code}, text)
    person = _named(people, name)
    held = {(m.case_id, m.role) for m in members.of(person)}
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=_SINGLE_DAYS)
    for case_id, purpose in cases:
        for role in (Role.ANALYST, Role.VICTIM_ANALYST):
            if (case_id, role) not in held:
                members.grant(person, case_id, role, purpose=purpose or "investigation", until=until, by=name)


def _named(people: People, name: str) -> Person:
    person = people.named(name)
    if person is None:
        raise ConfigError(f"there is no person named '{name}'; 'headwater people list' lists them")
    return person


def _add(asked: Mapping[str, Any]) -> None:
    store = open_state(Path(asked["state"]), database_url=asked["database_url"])
    code = People(store).add(asked["name"], by=asked["operator"], administrator=asked["administrator"])
    _say(
        asked,
        {"name": asked["name"], "setup_code": code, "hours": SETUP_HOURS},
        f"setup code for {asked['name']}: {code}   (type it at /setup within {SETUP_HOURS} hours; it is shown once)",
    )
    store.close()


def _list(asked: Mapping[str, Any]) -> None:
    store = open_state(Path(asked["state"]), database_url=asked["database_url"])
    members, bindings = Memberships(store), Bindings(store)
    for person in People(store).listed():
        held = [
            {"case_id": m.case_id, "role": m.role.value, "purpose": m.purpose, "until_utc": m.until_utc}
            for m in members.of(person)
        ]
        bound = [{"issuer": b.issuer, "sub": b.sub, "bound_by": b.bound_by} for b in bindings.of(person)]
        ready = person.has_password or bool(bound)
        state = "disabled" if person.disabled else "set up" if ready else "not set up"
        row = {
            "name": person.name, "administrator": person.administrator, "state": state, "members": held, "bound": bound
        }  # fmt: skip
        roles = "; ".join(f"{m['role']} of {m['case_id']} until {str(m['until_utc'])[:10]}" for m in held)
        standing = "administrator, " if person.administrator else ""
        there = "".join(f", bound at {b['issuer']} as {b['sub']}" for b in bound)
        _say(asked, row, f"{person.name}  {standing}{state}{there}  {roles}".rstrip())
    store.close()


def _member(asked: Mapping[str, Any]) -> None:
    store = open_state(Path(asked["state"]), database_url=asked["database_url"])
    try:
        role = Role(asked["role"])
    except ValueError:
        raise ConfigError(f"--role '{asked['role']}': roles are {', '.join(MEMBER_ROLES)}") from None
    try:
        until = dt.datetime.fromisoformat(asked["until"]).replace(hour=23, minute=59, tzinfo=dt.UTC)
    except ValueError:
        raise ConfigError(f"--until '{asked['until']}': write a day as 2027-03-31") from None
    person = _named(People(store), asked["name"])
    for case in opened_cases([Path(asked["case"])]).values():
        Memberships(store).grant(
            person, case.case_id, role, purpose=asked["purpose"], until=until, by=asked["operator"]
        )
        case.close()
        row = {"name": person.name, "case_id": case.case_id, "role": role.value, "until": asked["until"]}
        _say(asked, row, f"{person.name}: {role.value} of {case.name} until {asked['until']}")
    store.close()


def _reset(asked: Mapping[str, Any]) -> None:
    store = open_state(Path(asked["state"]), database_url=asked["database_url"])
    people = People(store)
    code = people.reset(_named(people, asked["name"]), by=asked["operator"])
    _say(
        asked,
        {"name": asked["name"], "setup_code": code, "hours": SETUP_HOURS},
        f"setup code for {asked['name']}: {code}   (type it at /setup within {SETUP_HOURS} hours; it is shown once)",
    )
    store.close()


def _oidc(asked: Mapping[str, Any]) -> None:
    store = open_state(Path(asked["state"]), database_url=asked["database_url"])
    person, bindings = _named(People(store), asked["name"]), Bindings(store)
    row = {"name": person.name, "issuer": asked["issuer"], "sub": asked["subject"], "bound": not asked["end"]}
    if asked["end"]:
        if not bindings.end(person, asked["issuer"], by=asked["operator"]):
            raise ConfigError(
                f"'{person.name}' is not bound at {asked['issuer']}; 'headwater people list' lists who is"
            )
        Sessions(store).end_all(person)
        _say(asked, row, f"{person.name}: bound at {asked['issuer']} no more; their sessions are over")
    else:
        bindings.bind(person, asked["issuer"], asked["subject"], by=asked["operator"])
        _say(asked, row, f"{person.name}: bound at {asked['issuer']} as {asked['subject']}")
    store.close()


_VERBS: Final[Mapping[str, Callable[[Mapping[str, Any]], None]]] = {
    "serve": _serve,
    "add": _add,
    "list": _list,
    "member": _member,
    "reset": _reset,
    "oidc": _oidc,
}
