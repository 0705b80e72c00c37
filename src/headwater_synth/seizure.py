"""A whole synthetic seizure: every exhibit and reference in a real format, and the truth in a folder of its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from headwater.errors import ConfigError, InputError
from headwater_synth import media_store
from headwater_synth.access_logs import write_access_logs
from headwater_synth.chain import ChainResult, build_chain, write_blocks, write_truth, write_wallet
from headwater_synth.disk_image import mke2fs_program, stage_server_tree, write_disk_image
from headwater_synth.known_pairs import write_known_pairs
from headwater_synth.platform_dump import write_dump
from headwater_synth.platform_tables import DATABASE, PlatformContent, platform_tables
from headwater_synth.population import Population, build_population
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.population_activity import Logins, Upload, drawn_logins, drawn_uploads, first_uploaders
from headwater_synth.population_payments import chain_plan
from headwater_synth.population_truth import write_population_truth
from headwater_synth.references import customer_returns, write_references
from headwater_synth.tokens import built_economy, write_token_references, write_token_truth
from headwater_synth.truth_of_use import write_truth_of_use

__all__ = ["SeizureOptions", "SeizureSummary", "make_seizure"]

_DUMPED_AT_S = SEIZED_AT_S + 67


@dataclass(frozen=True, slots=True, kw_only=True)
class SeizureOptions:
    """What is asked for.

    Attributes:
        seed: Any number; the same seed and options give the same bytes.
        accounts: Accounts on the platform, at least 40.
        media: Files in the media store; 0 needs no codec.
        blocks: Height of the chain, at least 140.
        payers: At most so many accounts are paid for, unless the planted ones are more.
        bystanders: People besides on the chain; with any, services that peel and CoinJoin rounds of each protocol too.
    """

    seed: int
    accounts: int = 400
    media: int = 120
    blocks: int = 200
    payers: int = 1_500
    bystanders: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeizureSummary:
    """What was made.

    Attributes:
        seed: The seed.
        accounts: Accounts.
        people: People, with and without accounts.
        logins: Logins.
        uploads: Uploads, including those of files long gone.
        media: Files in the media store.
        invoices: Invoices.
        payments: Invoices that were paid.
        blocks: Blocks of the active chain.
        records: Rows of the register.
        image_bytes: Size of the disk image.
        dump_bytes: Size of the dump.
    """

    seed: int
    accounts: int
    people: int
    logins: int
    uploads: int
    media: int
    invoices: int
    payments: int
    blocks: int
    records: int
    image_bytes: int
    dump_bytes: int


def _checked_folders(folder: Path, truth: Path) -> None:
    for path in (folder, truth):
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(path, "is there already and is not an empty folder", remedy="name a new one")
    inner, outer = truth.resolve(), folder.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise ConfigError(f"--truth {truth}: the truth must lie apart from the evidence in {folder}")


def _staged_image(
    folder: Path, options: SeizureOptions, population: Population, logins: Logins, say: Callable[[str], None]
) -> tuple[media_store.MediaResult, tuple[Upload, ...], int]:
    """The media store, the uploads and the size of the image, after making the image from a folder of its own."""
    staging = folder / ".staging"
    try:
        store = staging / media_store.STORE_PATH.lstrip("/")
        say(f"media store: {options.media} files")
        media = media_store.build_media_store(store, seed=options.seed, media=options.media)
        uploads = drawn_uploads(population, media.files)
        stage_server_tree(staging, seed=options.seed)
        say("access logs")
        write_access_logs(staging / "var/log/nginx", population, logins, uploads)
        modified_at_s = {
            f"{media_store.STORE_PATH.lstrip('/')}/{upload.relative_path}": upload.at_s + 2
            for upload in uploads
            if not upload.gone
        }
        modified_at_s["var/log/nginx/access.log"] = SEIZED_AT_S
        modified_at_s["var/log/nginx/access.log.1.gz"] = SEIZED_AT_S - 7 * 86_400
        say("disk image")
        (folder / "disk").mkdir()
        size_bytes = write_disk_image(
            folder / "disk/server.img", staging, seed=options.seed, modified_at_s=modified_at_s
        )
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return media, uploads, size_bytes


def _write_chain(folder: Path, truth: Path, population: Population, chain: ChainResult) -> None:
    write_wallet(chain, folder / "wallet/wallet.dat")
    write_blocks(chain, folder / "blocks")
    write_truth(chain, truth, person_of_account=population.person_of)


def make_seizure(
    folder: Path, truth: Path, options: SeizureOptions, *, say: Callable[[str], None] = lambda _: None
) -> SeizureSummary:
    """The summary of a seizure, after making it.

    Args:
        folder: Where the seizure goes; absent or empty.
        truth: Where the truth goes; absent or empty, and neither within the seizure nor around it.
        options: What is asked for.
        say: Told what is being made.

    Raises:
        InputError: A folder is in use.
        ConfigError: An option is out of range, or mke2fs is missing.
    """
    _checked_folders(folder, truth)
    mke2fs_program()  # before anything that takes long
    say(f"population: {options.accounts:,} accounts")
    population = build_population(options.seed, accounts=options.accounts, payers=options.payers)
    plan = chain_plan(population, blocks=options.blocks, bystanders=options.bystanders)
    say(f"chain: {len(plan.invoices):,} invoices")
    chain = build_chain(plan)
    for path in (folder, truth):
        path.mkdir(parents=True, exist_ok=True)
    _write_chain(folder, truth, population, chain)
    say("logins")
    logins = drawn_logins(population)
    media, uploads, image_bytes = _staged_image(folder, options, population, logins, say)
    say(f"dump: {logins.count:,} logins, {len(uploads):,} uploads")
    content = PlatformContent(
        population=population,
        logins=logins,
        uploads=uploads,
        invoices=plan.invoices,
        invoice_address=chain.invoice_address,
        payment_txid=chain.payment_txid,
    )
    (folder / "dump").mkdir()
    write_dump(folder / "dump/platform.sql", DATABASE, platform_tables(content), at_s=_DUMPED_AT_S)
    say("references and truth")
    returns = customer_returns(population, chain)
    records = write_references(folder / "references", population, chain, returns, plan.invoices)
    write_known_pairs(folder / "references/known-pairs.csv", population)
    economy = built_economy(population)
    write_token_references(folder / "references/tokens", economy)
    write_token_truth(truth, economy)
    media_store.write_hash_lists(media, folder / "references")
    mapping = resources.files("headwater_synth").joinpath("data", "mapping.yaml").read_bytes()
    (folder / "mapping.yaml").write_bytes(mapping)
    origins = first_uploaders(media.files, uploads)
    write_population_truth(truth, population, origins=origins, invoices=plan.invoices, returns=returns)
    write_truth_of_use(truth, population, plan.invoices, returns)
    stored = {upload.relative_path: (upload.account_key, upload.at_s) for upload in uploads if not upload.gone}
    media_store.write_media_truth(media, stored, truth)
    return SeizureSummary(
        seed=options.seed,
        accounts=population.accounts,
        people=population.persons,
        logins=logins.count,
        uploads=len(uploads),
        media=len(media.files),
        invoices=len(plan.invoices),
        payments=len(chain.payment_txid),
        blocks=len(chain.blocks),
        records=records,
        image_bytes=image_bytes,
        dump_bytes=(folder / "dump/platform.sql").stat().st_size,
    )
