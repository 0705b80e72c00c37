"""Money as an operator reads and asks with it: sums, pictures, months, request sheets; each on record."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.compute as pc

from headwater import __version__
from headwater.custody import head_of, program_sha256
from headwater.engine import Session, sync_folder
from headwater.errors import ConfigError, InputError, IntegrityError, RefusedError
from headwater.money_view import (
    Basis,
    MonthTable,
    Prices,
    Sheet,
    laid_out,
    money_sums,
    month_table,
    request_sheets,
    sheet_files,
    svg_text,
    token_sheet_files,
    token_sheets,
)
from headwater.packages import check_no_media, spreadsheet
from headwater.workflow.case import Actor, Case
from headwater.workflow.folders import new_folder, require_apart, require_reason
from headwater.workflow.intake import recorded

__all__ = ["SheetsWritten", "export_request_sheets", "sheets_to_read", "write_month_table", "write_sankey"]

_STAGE: Final = "money"
# The exhibits that money rests on, by the tables that name them.
_RESTS_ON: Final = ("blocks", "wallet_descriptors", "invoices", "invoice_addresses", "payments")
_TOKENS_REST_ON: Final = ("wallet_addresses", "wallet_descriptors", "invoices", "payments", "accounts")
_TOKEN_REFERENCES: Final = (
    "tags",
    "services",
    "token_transfers",
    "token_coverage",
    "platform_accounts",
    "token_issuers",
    "issuer_events",
)
_NOT_IN_NAMES = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetsWritten:
    """What an export of request sheets left behind.

    Attributes:
        outputs: Name and digest of each file.
        sheets: Name of the service, its country, how many questions, and the sheet's files.
        withheld: Texts in which key material or encoded bytes were withheld.
    """

    outputs: Mapping[str, str]
    sheets: Sequence[Mapping[str, object]]
    withheld: int


def export_request_sheets(
    case: Case, actor: Actor, folder: Path, *, actors: Sequence[str] | None, currency: str | None = None
) -> SheetsWritten:
    """Write a PDF, a CSV and a JSON for each service into a new folder: what to ask it, and on what proof.

    Args:
        case: The case.
        actor: Who discloses it, and why.
        folder: A folder that is not there yet.
        actors: Services by their name in tags; None for all.
        currency: Currency of values, as `Prices.of_case` takes it; None for the only one imported, if there is one.

    Raises:
        ConfigError: No reason is given, the money stage has not run, or there are no such prices.
        InputError: The folder is there already, or nothing is to be asked of a service.
        RefusedError: Money rests on an exhibit whose integrity check failed, or key material would leave.
    """
    with recorded(case, "exported", actor, folder=folder.name, to="services"):
        require_reason(actor)
        require_apart(case, folder)
        with new_folder(folder) as beside, case.tables() as tables:
            _require_money(case, tables)
            prices = Prices.of_case(tables, currency)
            sheets, of_tokens = _sheets(case, tables, actors, prices)
            outputs: dict[str, str] = {}
            told: list[dict[str, object]] = []
            for sheet in (*sheets, *of_tokens):
                about_tokens = "asked" in sheet.document
                written = token_sheet_files(sheet) if about_tokens else sheet_files(sheet)
                for name, content in written.items():
                    (beside / name).write_bytes(content)
                    outputs[name] = hashlib.sha256(content).hexdigest()
                service = sheet.document["asked" if about_tokens else "service"]
                requests = sheet.document["requests"]
                told.append(
                    {
                        "actor": service["actor"],
                        "service": service["name"] or service["actor"],
                        "country": service["country"] or "country not known",
                        "about": "tokens" if about_tokens else "coins",
                        "questions": len(requests),
                        "output_sat": sum(request.get("output_sat", 0) for request in requests),
                        "files": sorted(written),
                    }
                )
            case.register(actor)
            sync_folder(beside)
            # Before the folder is there: what has left is in the log, whatever happens next.
            case.record(
                "exported",
                actor,
                object_ids=(
                    *(sheet.document["service"]["service_id"] for sheet in sheets),
                    *(
                        str(sheet.document["asked"]["service_id"] or sheet.document["asked"]["actor"])
                        for sheet in of_tokens
                    ),
                ),
                recipient="the services that the sheets name",
                params={"to": "services", "what": "request sheets", "currency": prices and prices.currency},
                outputs=outputs,
            )
            beside.rename(folder)
        sync_folder(folder.absolute().parent)
    withheld = sum(sheet.withheld for sheet in (*sheets, *of_tokens))
    return SheetsWritten(outputs=outputs, sheets=told, withheld=withheld)


def sheets_to_read(case: Case, tables: Session, actor: str, *, currency: str | None = None) -> list[Sheet]:
    """What an export for one service would hold, to be read before it is asked; nothing leaves by it.

    Args:
        case: The case.
        tables: Its tables, of which somebody recorded that they are read.
        actor: The service, by its name in tags.
        currency: As for `export_request_sheets`.

    Raises:
        ConfigError: The money stage has not run, or there are no such prices.
        InputError: Nothing is to be asked of this service.
        RefusedError: Money rests on an exhibit whose integrity check failed.
    """
    _require_money(case, tables)
    sheets, of_tokens = _sheets(case, tables, [actor], Prices.of_case(tables, currency))
    return [*sheets, *of_tokens]


def _sheets(
    case: Case, tables: Session, actors: Sequence[str] | None, prices: Prices | None
) -> tuple[list[Sheet], list[Sheet]]:
    """The sheets about coins, and those about tokens."""
    of_tokens = _token_sheets(case, tables, actors)
    others = sorted(set(tables.arrow("token_requests")["actor"].to_pylist()))
    return request_sheets(tables, _basis(case, tables, prices), actors, prices, others), of_tokens


def _token_sheets(case: Case, tables: Session, actors: Sequence[str] | None) -> list[Sheet]:
    """The sheets about tokens; none where the stage has not run, or nothing is to be asked."""
    if not tables.arrow("token_requests").num_rows:
        return []
    _require_whole(tables, _TOKENS_REST_ON)
    basis = _basis(case, tables, None, stage="tokens", table="token_requests", references=_TOKEN_REFERENCES)
    return token_sheets(tables, basis, actors)


def write_sankey(case: Case, actor: Actor, path: Path, *, top: int) -> dict[str, str]:
    """Write one picture for each policy beside each other; name and digest of each.

    `money.svg` becomes `money-fifo.svg`, `money-pro_rata.svg` and so on.

    Args:
        case: The case.
        actor: Who asks for it.
        path: Where; a name that ends in .svg.
        top: Services drawn one by one on each side.

    Raises:
        ConfigError: The name ends otherwise, or the money stage has not run.
        InputError: A file is there already, or the folder is not.
    """
    with recorded(case, "exported", actor, what="picture of money"), case.tables() as tables:
        if path.suffix != ".svg":
            raise ConfigError(f"--sankey {path}: give a name that ends in .svg")
        _require_stage(case)
        sums = money_sums(tables)
        basis = _basis(case, tables, None)
        notes = (
            f"Tables of custody entry {basis.custody_seq} ({basis.custody_sha256}), headwater {basis.version}",
            f"custody head {basis.custody_head}",
            f"endpoints {basis.tables['endpoints']}",
            f"traces    {basis.tables['traces']}",
        )
        pictures = {
            f"{path.stem}-{_NOT_IN_NAMES.sub('-', policy)}.svg": svg_text(
                laid_out(sums, policy, top=top),
                title=f"Money of case {case.case_id}, by {policy.replace('_', ' ')}",
                notes=notes,
            ).encode("utf-8")
            for policy in sums.policies() or ("nothing followed",)
        }
        return _written(case, actor, path.parent, pictures, what="picture of money")


def write_month_table(case: Case, actor: Actor, path: Path, *, currency: str | None = None) -> MonthTable:
    """Write the table by service and month as CSV; the table.

    Args:
        case: The case.
        actor: Who asks for it.
        path: Where.
        currency: As for `export_request_sheets`.

    Raises:
        ConfigError: The money stage has not run, or there are no such prices.
        InputError: The file is there already, or the folder is not.
    """
    with recorded(case, "exported", actor, what="money by month"), case.tables() as tables:
        _require_stage(case)
        months = month_table(tables, Prices.of_case(tables, currency))
        content = spreadsheet(months.columns, months.rows)
        _written(case, actor, path.parent, {path.name: content}, what="money by month")
    return months


def _written(case: Case, actor: Actor, folder: Path, contents: Mapping[str, bytes], *, what: str) -> dict[str, str]:
    """Write new files, after it was recorded that they leave."""
    if not folder.absolute().is_dir():
        raise InputError(folder, "no such folder", remedy="make it first")
    for name in contents:
        require_apart(case, folder / name)
        if (folder / name).exists() or (folder / name).is_symlink():
            raise InputError(folder / name, "is there already", remedy="give another name; nothing is overwritten")
    check_no_media(contents, leaving=what)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    case.record("exported", actor, params={"what": what}, outputs=digests)
    for name, content in contents.items():
        with (folder / name).open("xb") as file:
            file.write(content)
    sync_folder(folder.absolute())
    return digests


def _require_stage(case: Case) -> None:
    if not any(output["stage"] == _STAGE for output in case.current_outputs()):
        raise ConfigError(f"{case.path}: the money stage has not run; begin with 'headwater run'")


def _require_money(case: Case, tables: Session) -> None:
    """Nothing, if there is money, and no exhibit that it rests on failed its integrity check."""
    _require_stage(case)
    _require_whole(tables, _RESTS_ON)


def _require_whole(tables: Session, rests_on: Sequence[str]) -> None:
    """Nothing, if no exhibit that these tables were read from failed its integrity check."""
    failed = {row["exhibit_id"] for row in tables.arrow("exhibits").to_pylist() if row["integrity"] == "failed"}
    for name in rests_on if failed else ():
        for part in tables.parts(name, ["exhibit_id"]):
            if found := failed & set(pc.unique(part["exhibit_id"]).to_pylist()):
                raise RefusedError(
                    f"exhibit {min(found)}: its integrity check failed, and {name} were read from it; nobody is asked "
                    "on altered evidence: acquire it again"
                )


def _basis(
    case: Case,
    tables: Session,
    prices: Prices | None,
    *,
    stage: str = _STAGE,
    table: str = "request_sheets",
    references: Sequence[str] = ("tags", "services"),
) -> Basis:
    """What the tables of money rest on: the custody entry that recorded them, their digests, the seals of references.

    The entry is that of the tables and not the newest one, so that the same tables give the same sheets.
    """
    digests = {
        str(output["table_name"]): str(output["sha256"])
        for output in case.current_outputs()
        if output["stage"] == stage and output["table_name"] != "defects"
    }
    seq, at_utc, sha256 = -1, dt.datetime.fromtimestamp(0, dt.UTC), ""
    wanted = digests[table]
    for entry in case.custody.entries():
        if entry.seq == seq + 1 and seq >= 0:
            sha256 = entry.prev_hash
        if entry.outcome == "done" and entry.output_digests.get(f"{table}.parquet") == wanted and seq < 0:
            seq, at_utc = entry.seq, entry.at_utc
    if seq < 0:
        raise IntegrityError(f"custody log: it does not know the table {table}; run 'headwater verify'")
    head = head_of(case.path, seq + 1)
    used = {
        f"{row['reference_name']}@{row['reference_version']}"
        for name in references
        for row in tables.arrow(name).select(["reference_name", "reference_version"]).to_pylist()
    } | ({prices.reference} if prices else set())
    names = ((f"{row['reference_name']}@{row['reference_version']}", row["seal_sha256"]) for row in case.imports())
    return Basis(
        case_id=case.case_id,
        authority_ref=case.settings.authority_ref,
        purpose=case.settings.purpose,
        custody_seq=seq,
        custody_sha256=sha256,
        custody_at_utc=at_utc,
        custody_head=f"{head.entries}:{head.root}",
        tables=digests,
        references={name: str(seal) for name, seal in names if name in used},
        version=__version__,
        program_sha256=program_sha256(),
    )
