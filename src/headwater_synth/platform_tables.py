"""The tables of an invented application, named as oddly as such tables are; half of them mean nothing to anybody."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from headwater_synth.chain import PlannedInvoice
from headwater_synth.platform_contacts import contact_table
from headwater_synth.platform_dump import DumpTable, Value
from headwater_synth.population import Population
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.population_activity import Logins, Upload
from headwater_synth.seeds import stream
from headwater_synth.words import words

__all__ = ["DATABASE", "PlatformContent", "platform_tables"]

DATABASE = "gantry_live"
_ROLE_LEVELS = {"member": 1, "moderator": 5, "administrator": 9}
_EXPIRES_S = 3 * 86_400  # an invoice that nobody pays
_ASCII = "CHARACTER SET ascii COLLATE ascii_bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformContent:
    """What the platform's tables are filled with.

    Attributes:
        population: Everybody.
        logins: Their logins.
        uploads: Their uploads, in order of time.
        invoices: In order.
        invoice_address: Address of each invoice.
        payment_txid: Transaction and output of each invoice that was paid.
    """

    population: Population
    logins: Logins
    uploads: Sequence[Upload]
    invoices: Sequence[PlannedInvoice]
    invoice_address: Mapping[int, str]
    payment_txid: Mapping[int, tuple[str, int]]


def _datetime(at_s: int) -> str:
    return f"{dt.datetime.fromtimestamp(at_s, tz=dt.UTC):%Y-%m-%d %H:%M:%S}"


def _member_rows(content: PlatformContent) -> Iterator[Sequence[Value]]:
    last_at_s = content.logins.last_at_s()
    for account_key in content.population.account_keys():
        account = content.population.account(account_key)
        rng = stream(content.population.seed, "secrets", account_key)
        level = 3 if account.role == "member" and rng.random() < 0.1 else _ROLE_LEVELS[account.role]
        yield (
            account_key,
            account.nickname,
            account.email,
            account.phone,
            account.pgp_fingerprint,
            level,
            rng.randbytes(32),
            rng.randbytes(16),
            account.registered_at_s,
            last_at_s[account_key - 1] * 1_000 + rng.randrange(1_000),
            int(account.deleted),
            account.language,
            account.motto,
        )


def _visit_rows(content: PlatformContent) -> Iterator[Sequence[Value]]:
    devices = words().devices
    for number, login in enumerate(content.logins.since(0), start=1):
        yield (number, login.account_key, login.at_ms, login.network_address, devices[login.device])


def _drop_rows(content: PlatformContent) -> Iterator[Sequence[Value]]:
    rng = stream(content.population.seed, "drops")
    for upload in content.uploads:
        yield (
            upload.upload_key,
            upload.account_key,
            upload.title,
            upload.relative_path,
            upload.sha256,
            upload.size_bytes,
            upload.at_s,
            upload.network_address,
            int(upload.gone or rng.random() < 0.04),
        )


def _drop_word_rows(content: PlatformContent) -> Iterator[Sequence[Value]]:
    rng = stream(content.population.seed, "drop-words")
    many = len(words().title_subjects)
    for upload in content.uploads:
        for word in sorted(rng.sample(range(1, many + 1), rng.randrange(3))):
            yield (upload.upload_key, word)


def _bill_rows(content: PlatformContent) -> Iterator[Sequence[Value]]:
    for invoice in content.invoices:
        paid = invoice.invoice_key in content.payment_txid
        state = 1 if paid else 2 if invoice.issued_at_s + _EXPIRES_S < SEIZED_AT_S else 0
        yield (
            invoice.invoice_key,
            invoice.account_key,
            invoice.amount_cents,
            invoice.currency,
            invoice.amount_sat,
            content.invoice_address[invoice.invoice_key],
            _datetime(invoice.issued_at_s),
            state,
            ("quarter", "half", "year")[invoice.amount_cents % 7 % 3],
        )


def _coin_rows(content: PlatformContent) -> Iterator[Sequence[Value]]:
    paid = [invoice for invoice in content.invoices if invoice.invoice_key in content.payment_txid]
    paid.sort(key=lambda invoice: (invoice.paid_at_s or 0, invoice.invoice_key))
    rng = stream(content.population.seed, "coins")
    for number, invoice in enumerate(paid, start=1):
        txid, output_index = content.payment_txid[invoice.invoice_key]
        assert invoice.paid_at_s is not None
        yield (
            number,
            invoice.invoice_key,
            invoice.account_key,
            bytes.fromhex(txid),
            output_index,
            Decimal(invoice.amount_sat).scaleb(-8).quantize(Decimal("0.00000001")),
            invoice.amount_cents,
            invoice.paid_at_s * 1_000 + rng.randrange(1_000),
        )


def _cache_rows(rng: random.Random) -> list[Sequence[Value]]:
    rows = {rng.randbytes(12): (rng.randbytes(rng.randrange(300)), rng.randrange(86_400)) for _ in range(24)}
    return [(key, content, SEIZED_AT_S + later) for key, (content, later) in sorted(rows.items())]


def _session_rows(content: PlatformContent, rng: random.Random) -> Sequence[Sequence[Value]]:
    rows = []
    for number, login in enumerate(content.logins.since(SEIZED_AT_S - 86_400)):
        if number >= 200:
            break
        rows.append(
            (rng.randbytes(32), login.account_key, login.at_ms // 1_000, b"a:1:{i:0;" + rng.randbytes(6) + b"}")
        )
    return sorted(rows)


def _word_rows() -> list[Sequence[Value]]:
    return [(number, word) for number, word in enumerate(words().title_subjects, start=1)]


def _translation_rows() -> list[Sequence[Value]]:
    texts = {
        "de": ("Zurück", "Weiter", 'Wirklich "ja"?'),
        "el": ("Πίσω", "Επόμενο", "Σίγουρα;"),
        "en": ("Back", "Next", "Are you sure it's right?"),
        "ru": ("Назад", "Далее", "Точно?"),
        "zh": ("返回", "下一步", "确定吗？"),  # noqa: RUF001 -- the full-width question mark is how Chinese is written
    }
    return [
        (lang, key, text)
        for lang, row in texts.items()
        for key, text in zip(("back", "next", "sure"), row, strict=True)
    ]


def _setting_rows() -> list[Sequence[Value]]:
    return [
        ("cachettl", "3600", None),
        ("currency", "EUR", "ISO 4217"),
        ("mediaroot", "/srv/media", "no slash at the end"),
        ("motd", 'it\'s all\r\n"quiet" \\o/', None),
        ("schema", "27", None),
        ("theme", "slate", None),
    ]


def platform_tables(content: PlatformContent) -> tuple[DumpTable, ...]:
    """The tables of the application, their rows made as they are read.

    Args:
        content: What to fill them with.
    """
    seed = content.population.seed
    return (
        *_acts(content),
        *_money(content),
        DumpTable(
            name="gx_mbr",
            comment="members",
            definitions=(
                "`mid` int(10) unsigned NOT NULL AUTO_INCREMENT",
                "`alias` varchar(64) NOT NULL",
                "`mail_a` varchar(190) DEFAULT NULL",
                "`tel` varchar(32) DEFAULT NULL",
                f"`pgpfp` char(40) {_ASCII} DEFAULT NULL",
                "`lvl` tinyint(4) NOT NULL DEFAULT 1",
                "`pwd` binary(32) NOT NULL",
                "`salt` varbinary(16) NOT NULL",
                "`reg_ts` int(10) unsigned NOT NULL",
                "`seen_ms` bigint(20) DEFAULT NULL",
                "`gone` tinyint(1) NOT NULL DEFAULT 0",
                "`lang` char(2) NOT NULL DEFAULT 'en'",
                "`motto` text DEFAULT NULL",
                "PRIMARY KEY (`mid`)",
                "UNIQUE KEY `alias` (`alias`)",
                "KEY `reg_ts` (`reg_ts`)",
            ),
            rows=_member_rows(content),
            next_key=content.population.accounts + 1,
        ),
        *_meaningless(content, stream(seed, "meaningless")),
    )


def _acts(content: PlatformContent) -> tuple[DumpTable, ...]:
    return (
        DumpTable(
            name="gx_visit",
            definitions=(
                "`vid` bigint(20) unsigned NOT NULL AUTO_INCREMENT",
                "`who` int(10) unsigned NOT NULL",
                "`t_ms` bigint(20) NOT NULL",
                "`src` varbinary(16) DEFAULT NULL",
                "`dv` varchar(16) DEFAULT NULL",
                "PRIMARY KEY (`vid`)",
                "KEY `who` (`who`)",
                "CONSTRAINT `visit_who` FOREIGN KEY (`who`) REFERENCES `gx_mbr` (`mid`)",
            ),
            rows=_visit_rows(content),
            next_key=content.logins.count + 1,
        ),
        contact_table(content.population),
        DumpTable(
            name="gx_drop",
            definitions=(
                "`did` int(10) unsigned NOT NULL AUTO_INCREMENT",
                "`mbr` int(10) unsigned NOT NULL",
                "`ttl` varchar(120) DEFAULT NULL",
                "`pth` varchar(255) NOT NULL",
                "`sum256` binary(32) DEFAULT NULL",
                "`bytes` bigint(20) unsigned NOT NULL",
                "`put_at` int(10) unsigned NOT NULL",
                "`from_ip` varbinary(16) DEFAULT NULL",
                "`hid` tinyint(1) NOT NULL DEFAULT 0",
                "PRIMARY KEY (`did`)",
                "KEY `mbr` (`mbr`)",
                "CONSTRAINT `drop_mbr` FOREIGN KEY (`mbr`) REFERENCES `gx_mbr` (`mid`)",
            ),
            rows=_drop_rows(content),
            next_key=len(content.uploads) + 1,
        ),
        DumpTable(
            name="gx_drop_word",
            definitions=(
                "`did` int(10) unsigned NOT NULL",
                "`wid` smallint(5) unsigned NOT NULL",
                "PRIMARY KEY (`did`,`wid`)",
            ),
            rows=_drop_word_rows(content),
        ),
    )


def _money(content: PlatformContent) -> tuple[DumpTable, ...]:
    return (
        DumpTable(
            name="gx_bill",
            definitions=(
                "`bid` int(10) unsigned NOT NULL AUTO_INCREMENT",
                "`mbr` int(10) unsigned NOT NULL",
                "`px_cents` int(11) NOT NULL",
                f"`cur` char(3) {_ASCII} NOT NULL",
                "`btc_sat` bigint(20) NOT NULL",
                f"`adr` varchar(90) {_ASCII} NOT NULL",
                "`made` datetime NOT NULL",
                "`st` tinyint(4) NOT NULL DEFAULT 0 COMMENT '0 open 1 paid 2 expired'",
                "`term` enum('quarter','half','year') NOT NULL",
                "PRIMARY KEY (`bid`)",
                "KEY `mbr` (`mbr`)",
                "CONSTRAINT `bill_mbr` FOREIGN KEY (`mbr`) REFERENCES `gx_mbr` (`mid`)",
            ),
            rows=_bill_rows(content),
            next_key=len(content.invoices) + 1,
        ),
        DumpTable(
            name="gx_coin",
            definitions=(
                "`cid` int(10) unsigned NOT NULL AUTO_INCREMENT",
                "`bid` int(10) unsigned NOT NULL",
                "`mbr` int(10) unsigned NOT NULL",
                "`txh` binary(32) NOT NULL",
                "`n` int(11) NOT NULL",
                "`got` decimal(16,8) NOT NULL",
                "`cents` int(11) NOT NULL",
                "`at_ms` bigint(20) NOT NULL",
                "PRIMARY KEY (`cid`)",
                "UNIQUE KEY `bid` (`bid`)",
                "CONSTRAINT `coin_bid` FOREIGN KEY (`bid`) REFERENCES `gx_bill` (`bid`)",
            ),
            rows=_coin_rows(content),
            next_key=len(content.payment_txid) + 1,
        ),
    )


def _meaningless(content: PlatformContent, rng: random.Random) -> tuple[DumpTable, ...]:
    return (
        DumpTable(
            name="gx_cache",
            definitions=(
                "`ck` varbinary(40) NOT NULL",
                "`cv` mediumblob DEFAULT NULL",
                "`exp` int(10) unsigned NOT NULL",
                "PRIMARY KEY (`ck`)",
            ),
            rows=_cache_rows(rng),
        ),
        DumpTable(
            name="gx_sess",
            definitions=(
                "`sid` binary(32) NOT NULL",
                "`who` int(10) unsigned DEFAULT NULL",
                "`seen` int(10) unsigned NOT NULL",
                "`bag` blob DEFAULT NULL",
                "PRIMARY KEY (`sid`)",
            ),
            rows=_session_rows(content, rng),
        ),
        DumpTable(
            name="gx_word",
            definitions=(
                "`wid` smallint(5) unsigned NOT NULL AUTO_INCREMENT",
                "`w` varchar(40) NOT NULL",
                "PRIMARY KEY (`wid`)",
            ),
            rows=_word_rows(),
            next_key=len(words().title_subjects) + 1,
        ),
        DumpTable(
            name="gx_i18n",
            definitions=(
                "`lang` char(2) NOT NULL",
                "`k` varchar(32) NOT NULL",
                "`v` text DEFAULT NULL",
                "PRIMARY KEY (`lang`,`k`)",
            ),
            rows=_translation_rows(),
        ),
        DumpTable(
            name="gx_set",
            definitions=(
                "`k` varchar(40) NOT NULL",
                "`v` text DEFAULT NULL",
                "`note` varchar(80) DEFAULT NULL",
                "PRIMARY KEY (`k`)",
            ),
            rows=_setting_rows(),
        ),
        DumpTable(
            name="gx_queue_failed",
            definitions=(
                "`id` bigint(20) unsigned NOT NULL AUTO_INCREMENT",
                "`job` longtext NOT NULL",
                "`failed_at` timestamp NOT NULL DEFAULT current_timestamp()",
                "PRIMARY KEY (`id`)",
            ),
            rows=(),
        ),
    )
