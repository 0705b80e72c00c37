"""The settings of a case: one TOML file, read once into a frozen value whose digest is in the custody log."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import tomli_w

from headwater.errors import CaseNotFoundError, ConfigError, NewerCaseError

__all__ = ["CASE_FORMAT", "HASH_TRANSFORMS", "CaseSettings", "Parameters", "read_settings", "write_settings"]

CASE_FORMAT = 1
"""Version of the case folder's layout; raised when an older headwater could misread it."""

HASH_TRANSFORMS = ("none", "dihedral")
"""Which transforms of a picture are looked up beside the picture itself: none, or the seven of a square."""

_CHOICES = {"hash_transforms": HASH_TRANSFORMS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Everything that changes a derived table, apart from evidence, references and mapping.

    Attributes:
        address_gap_limit: Addresses derived beyond the last one the wallet had handed out.
        trace_max_hops: Transactions a trace follows at most.
        trace_max_days: Days from the block of a receipt to that of the next transaction, in either direction, beyond
            which a trace stops as `time_limit`; 0 for no limit.
        trace_dust_sat: Followed amounts below this stop as `dust`; 0 follows everything.
        token_dust_thousandths: Followed amounts of tokens below this many thousandths of a whole token stop as `dust`;
            0 follows everything.
        trace_service_min_scripts: An untagged address cluster of at least so many scripts stops traces as
            `probable_service`; 0 for none.
        trace_service_min_payees: So does one that paid at least so many other clusters; 0 for none.
        trace_further_policies: Rules to trace by besides FIFO and pro rata: `lifo`, `tiho`, `poison`, set apart by
            spaces. No request, link or lead rests on them.
        queue_expected_precision_ppm: The most probable links of each claim are proposed to a person, as far as at least
            this share of them is expected to be right.
        hub_distant_items: A listed hash that is near more items than this, all far from each other, is set aside.
        monero_accounts: Accounts of a Monero wallet that payments are looked for in, from 0.
        monero_subaddresses: Addresses of each of them, from 0.
        hash_transforms: `dihedral` hashes each picture turned and mirrored as well and looks that up; `none` does not.
    """

    address_gap_limit: int = 100
    trace_max_hops: int = 20
    trace_max_days: int = 0
    trace_dust_sat: int = 0
    token_dust_thousandths: int = 0
    trace_service_min_scripts: int = 1_000
    trace_service_min_payees: int = 1_000
    trace_further_policies: str = ""
    queue_expected_precision_ppm: int = 970_000
    hub_distant_items: int = 4
    hash_transforms: str = "none"
    monero_accounts: int = 50  # source: Monero, src/wallet/wallet2.cpp, SUBADDRESS_LOOKAHEAD_MAJOR and _MINOR
    monero_subaddresses: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseSettings:
    """A case: under which authority, for what purpose, with which parameters.

    Attributes:
        authority_ref: Warrant or order.
        purpose: Why the data are held.
        operator: Who opened the case; the default actor of a command.
        retention_days: How long the case may be kept; 0 where no order says.
        retention_texts_days: How long the justification and the reason of an entry of the custody log may be kept; 0
            where no rule says. `headwater custody due` lists what is over.
        subject_keys_folder: Where the keys of subjects lie, on a medium that is backed up apart from the case or not at
            all; empty for `private/subjects` in the case.
        database_url: Where the case's state lies; empty for `case.db` beside the settings.
        chain_memory_bytes: Memory that a chain of blocks may take; one that needs more is worked on by parts, with the
            same result. 0 for half of what the machine has.
        deconflict_most_identifiers: Identifiers of a session of deconfliction, of either side, at most.
        deconflict_least_identifiers: Of ours, at least: a few would be questions about people, not a comparison.
        deconflict_most_times_ours: The other side may send so many times the values that we send, at most; a set far
            larger than ours is likelier guesses than holdings.
        deconflict_sessions_per_day: Sessions with one peer in 24 hours, at most.
        deconflict_session_days: A session ends after so many days, whatever came of it.
        hide_score_until_judged: The queue shows a link without its weights and its probability until the operator has
            judged it.
        known_pairs_ppm: Share of places in the queue for pairs whose answer is known, in parts per million.
        repeated_pairs_ppm: Share of places in the queue for links that were judged before.
        clock_note: What was found when the machine's clock was compared with another; it goes into each custody entry.
        parameters: What changes derived tables.
        case_format: Version of the folder's layout.
    """

    authority_ref: str
    operator: str
    purpose: str = "investigation"
    retention_days: int = 0
    retention_texts_days: int = 0
    subject_keys_folder: str = ""
    database_url: str = ""
    chain_memory_bytes: int = 0
    deconflict_most_identifiers: int = 5_000_000
    deconflict_least_identifiers: int = 20
    deconflict_most_times_ours: int = 100
    deconflict_sessions_per_day: int = 4
    deconflict_session_days: int = 30
    hide_score_until_judged: bool = False
    known_pairs_ppm: int = 50_000
    repeated_pairs_ppm: int = 50_000
    clock_note: str = ""
    parameters: Parameters = field(default_factory=Parameters)
    case_format: int = CASE_FORMAT

    def parameters_sha256(self) -> str:
        """Digest of the parameters alone, in hex."""
        lines = [f"{f.name}={getattr(self.parameters, f.name)}" for f in fields(self.parameters)]
        return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8")).hexdigest()


def write_settings(path: Path, settings: CaseSettings) -> None:
    """Write `case.toml`."""
    # The version first, for whoever opens the file; then the others in the order in which they are declared above.
    plain = ("case_format", *(f.name for f in fields(settings) if f.name not in {"case_format", "parameters"}))
    document = {
        **{name: getattr(settings, name) for name in plain},
        "parameters": {f.name: getattr(settings.parameters, f.name) for f in fields(settings.parameters)},
    }
    path.write_bytes(tomli_w.dumps(document).encode("utf-8"))


def read_settings(case: Path) -> CaseSettings:
    """The settings of the case in that folder.

    Raises:
        CaseNotFoundError: The folder holds no `case.toml`.
        NewerCaseError: A newer headwater wrote it.
        ConfigError: A setting is unknown or of the wrong type.
    """
    path = case / "case.toml"
    if not path.is_file():
        reason = "no such folder" if not case.exists() else "no case here (case.toml is missing)"
        raise CaseNotFoundError(case, reason, remedy="check the path, or begin with 'headwater case create'")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not valid TOML ({error}); restore it or correct that line") from error
    found = document.get("case_format")
    if isinstance(found, int) and found > CASE_FORMAT:
        raise NewerCaseError(case, found=found, known=CASE_FORMAT)
    parameters = document.pop("parameters", {})
    if not isinstance(parameters, Mapping):
        raise ConfigError(f"{path}: 'parameters' is not a table; restore it")
    checked = Parameters(**_checked(path, Parameters, _without_retired(path, parameters)))
    return CaseSettings(**_checked(path, CaseSettings, document), parameters=checked)


_RETIRED = {"queue_min_probability_ppm": (500_000, "queue_expected_precision_ppm")}
"""Parameters of earlier versions: what they were by default, and what replaced them."""


def _without_retired(path: Path, parameters: Mapping[str, object]) -> dict[str, object]:
    """The parameters but for retired ones that nobody had changed: every case has them in its settings."""
    for name, (default, successor) in _RETIRED.items():
        if name in parameters and parameters[name] != default:
            raise ConfigError(f"{path}: setting '{name}' is replaced by '{successor}'; set that, and remove this line")
    return {name: value for name, value in parameters.items() if name not in _RETIRED}


def _checked(path: Path, kind: type, values: Mapping[str, object]) -> dict[str, Any]:
    known = {f.name: f.type for f in fields(kind)}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"{path}: unknown setting '{name}'; known are {', '.join(sorted(known))}")
        if known[name] == "int" and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ConfigError(f"{path}: '{name}' is {value!r}; it must be a whole number, 0 or more")
        if known[name] == "str" and not isinstance(value, str):
            raise ConfigError(f"{path}: '{name}' is {value!r}; it must be text")
        if known[name] == "bool" and not isinstance(value, bool):
            raise ConfigError(f"{path}: '{name}' is {value!r}; it must be true or false")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise ConfigError(f"{path}: '{name}' is {value!r}; it must be one of {', '.join(_CHOICES[name])}")
    if kind is CaseSettings and not {"authority_ref", "operator", "case_format"} <= values.keys():
        raise ConfigError(f"{path}: 'authority_ref', 'operator' and 'case_format' are required; restore them")
    return dict(values)
