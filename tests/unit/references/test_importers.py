"""Importers of references: what a good row becomes, and where a bad one is."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headwater.engine import Session
from headwater.errors import ConfigError, HeadwaterError, InputError, UnreadableInputError
from headwater.references import KINDS, import_reference, reference_files, seal_digest

MD5, SHA1, SHA256, PDQ = "a" * 32, "b" * 40, "c" * 64, "d" * 64
ILLEGAL = {"polarity": "known-illegal"}


def rows_of(case, table):
    with Session(reference_files(case)) as session:
        return session.arrow(table).to_pylist()


def imported(case, kind, content, *, name="one", version="1", **options):
    path = case / "source"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_reference(case, kind, path, name=name, version=version, **options)


def test_a_csv_hash_list(tmp_path):
    header = "\ufeffMD5;SHA256;PDQ;Size_Bytes;Category;Victim_Identified\n"
    rows = f"{MD5.upper()};{SHA256};{PDQ};7;2;No\n;{SHA256};;;;\n"
    done = imported(tmp_path, "hash-list", header + rows, **ILLEGAL)
    assert (done.rows, done.defects) == (2, 0)
    first, second = sorted(rows_of(tmp_path, "hash_list_entries"), key=lambda row: row["reference_row"])
    assert (first["md5"], first["sha256"], first["pdq"], first["size_bytes"]) == (MD5, SHA256, PDQ, 7)
    assert (first["category"], first["victim_identified"], first["polarity"]) == ("2", "no", "known-illegal")
    assert (second["md5"], second["size_bytes"], second["victim_identified"]) == (None, None, "unknown")
    assert {first["reference_name"], first["reference_version"]} == {"one", "1"}


def test_a_vics_hash_list_has_a_row_for_each_perceptual_hash(tmp_path):
    media = {
        "MD5": MD5,
        "SHA1": SHA1,
        "MediaSize": 9,
        "MimeType": "image/jpeg",
        "Category": 1,
        "Series": "harbour lights",
        "VictimIdentified": True,
        "PDQ": PDQ,
        "AlternativeHashes": [{"HashName": "pdq", "HashValue": "e" * 64}, {"HashName": "other", "HashValue": "f"}, 7],
    }
    document = {"@odata.context": "x", "value": [{"SHA1": SHA1}, media]}
    imported(tmp_path, "hash-list", json.dumps(document), **ILLEGAL)
    rows = rows_of(tmp_path, "hash_list_entries")
    assert sorted((row["reference_row"], row["pdq"] or "") for row in rows) == [(0, ""), (1, PDQ), (1, "e" * 64)]
    listed = [row for row in rows if row["reference_row"] == 1]
    assert {row["media_kind"] for row in listed} == {"still"}
    assert {row["victim_identified"] for row in listed} == {"yes"}
    assert {row["series"] for row in listed} == {"harbour lights"}


@pytest.mark.parametrize(
    ("word", "meaning"), [("yes", "yes"), (False, "no"), (None, "unknown"), ("perhaps", "unknown")]
)
def test_an_absent_answer_is_not_a_no(tmp_path, word, meaning):
    imported(tmp_path, "hash-list", json.dumps([{"MD5": MD5, "VictimIdentified": word}]), **ILLEGAL)
    assert [row["victim_identified"] for row in rows_of(tmp_path, "hash_list_entries")] == [meaning]


def test_fields_of_a_tag_pack_hold_for_its_tags(tmp_path):
    pack = """
title: Test
actor: northquay
confidence: web_crawl
currency: BTC
lastmod: 2024-05-06
tags:
  - {address: 1Aa, label: hot wallet}
  - {address: 1Bb, label: cold wallet, actor: other, network: ETH}
  - {label: no address}
  - 7
"""
    with pytest.raises(UnreadableInputError, match=r"row 2: 'address' is missing \(and 1 more\)"):
        imported(tmp_path, "tag-pack", pack)
    done = imported(tmp_path, "tag-pack", pack, accept_defects=True)
    assert (done.rows, done.defects) == (2, 2)
    rows = {row["address"]: row for row in rows_of(tmp_path, "tags")}
    assert (rows["1Aa"]["actor"], rows["1Aa"]["network"], rows["1Aa"]["last_modified"]) == (
        "northquay",
        "BTC",
        "2024-05-06",
    )
    assert (rows["1Bb"]["actor"], rows["1Bb"]["network"], rows["1Bb"]["confidence"]) == ("other", "ETH", "web_crawl")


def test_a_tag_pack_says_which_tags_are_about_their_cluster(tmp_path):
    pack = """
label: North Quay
is_cluster_definer: true
tags:
  - {address: 1Aa}
  - {address: 1Bb, is_cluster_definer: false}
  - {address: 1Cc, is_cluster_definer: perhaps}
"""
    with pytest.raises(UnreadableInputError, match="is 'perhaps', neither true nor false"):
        imported(tmp_path, "tag-pack", pack)
    imported(tmp_path, "tag-pack", pack, accept_defects=True)
    found = {row["address"]: row["is_cluster_definer"] for row in rows_of(tmp_path, "tags")}
    assert found == {"1Aa": True, "1Bb": False}
    imported(tmp_path, "tag-pack", "label: x\ntags: [{address: 1Dd}]", name="unstated")
    assert {row["address"]: row["is_cluster_definer"] for row in rows_of(tmp_path, "tags")}["1Dd"] is None


ACTOR_PACK = """
title: Invented actors
lastmod: 2024-05-06
actors:
  - {id: northquay, label: North Quay, uri: northquay.example, jurisdictions: [ES, NL], categories: [exchange, service],
     aliases: [nq], context: {legal_name: North Quay Ltd}}
  - {id: '01', label: '01', uri: one.example, jurisdictions: [], categories: [defi_bridge]}
  - {id: northquay, label: Twice}
  - {label: no id}
  - {id: x, label: X, jurisdictions: 7}
  - 7
"""


def test_an_actor_pack_gives_jurisdictions_and_address_and_keeps_what_it_says_besides(tmp_path):
    with pytest.raises(
        UnreadableInputError, match=r"row 2: actor 'northquay' stands in this pack already \(and 3 more"
    ):
        imported(tmp_path, "actor-pack", ACTOR_PACK)
    done = imported(tmp_path, "actor-pack", ACTOR_PACK, accept_defects=True)
    assert (done.rows, done.defects) == (2, 4)
    rows = {row["actor"]: row for row in rows_of(tmp_path, "actors")}
    assert set(rows) == {"northquay", "01"}
    row = rows["northquay"]
    assert (row["label"], row["uri"], row["jurisdictions"]) == ("North Quay", "northquay.example", "ES NL")
    assert (row["categories"], row["aliases"], row["last_modified"]) == ("exchange service", "nq", "2024-05-06")
    assert json.loads(row["further"]) == {"context": {"legal_name": "North Quay Ltd"}}
    assert (rows["01"]["jurisdictions"], rows["01"]["categories"], rows["01"]["further"]) == (None, "defi_bridge", None)
    for kind, content in (("actor-pack", "tags: []"), ("tag-pack", "actors: []")):
        with pytest.raises(UnreadableInputError, match="no list"):
            imported(tmp_path, kind, content, name=f"other-{kind}")


@pytest.mark.parametrize(
    ("name", "kind", "rows"),
    [
        ("exchange-wallets-binance", "tag-pack", 86),
        ("exchange-wallets-bitfinexcom", "tag-pack", 135),
        ("exchange-wallets-bybit", "tag-pack", 8),
        ("graphsense.actorpack", "actor-pack", 3_813),
    ],
)
def test_public_packs_come_in_whole(tmp_path, reference_data, name, kind, rows):
    path = reference_data / "money" / f"{name}.yaml"
    done = import_reference(tmp_path, kind, path, name="pack", version="1")
    assert (done.rows, done.defects) == (rows, 0)
    found = rows_of(tmp_path, KINDS[kind].table)
    if kind == "tag-pack":
        assert all(row["actor"] and row["label"] and row["source"] and row["confidence"] for row in found)
        assert {row["last_modified"][:5] for row in found} == {"2022-"}
    else:
        assert sum(row["uri"] is not None for row in found) == 3_813
        assert sum(row["jurisdictions"] is not None for row in found) == 700
        exchanges = [row for row in found if "exchange" in (row["categories"] or "").split()]
        assert (len(exchanges), sum(row["jurisdictions"] is not None for row in exchanges)) == (1_309, 637)


def test_services_records_networks(tmp_path):
    services = (
        "actor,name,kind,country,legal_contact,custodial,retention_days\nq,Q Ltd,exchange,FR,legal@q.example,yes,90\n"
    )
    imported(tmp_path, "services", services, name="services")
    (service,) = rows_of(tmp_path, "services")
    assert (service["actor"], service["custodial"], service["retention_days"]) == ("q", True, 90)
    records = 'source_key,full_name,convicted,street_address\n7,"Doe, J.",no,"1 High St\nFlat 2"\n8,É Ö,1,\n'
    imported(tmp_path, "records", records, name="records")
    rows = {row["source_key"]: row for row in rows_of(tmp_path, "records")}
    assert (rows["7"]["full_name"], rows["7"]["street_address"], rows["7"]["convicted"]) == (
        "Doe, J.",
        "1 High St\nFlat 2",
        False,
    )
    assert (rows["8"]["full_name"], rows["8"]["street_address"], rows["8"]["convicted"]) == ("É Ö", None, True)
    imported(tmp_path, "networks", "cidr,kind,country\n2001:db8::/32,vpn,\n", name="networks")
    assert [(r["cidr"], r["country"]) for r in rows_of(tmp_path, "networks")] == [("2001:db8::/32", None)]


def test_a_customer_and_their_transactions_are_tied_by_the_service_s_own_number(tmp_path):
    imported(tmp_path, "customers", "actor,source_key,full_name\nq,17,J Doe\n", name="customers")
    header = "actor,source_key,direction,txid,output_index,address,amount_sat,at_utc\n"
    row = f"q,17,withdrawal,{SHA256},1,bcrt1q,500,2024-05-06T02:00:00+02:00\n"
    imported(tmp_path, "customer-transactions", header + row, name="transactions")
    (customer,), (moved,) = rows_of(tmp_path, "customers"), rows_of(tmp_path, "customer_transactions")
    assert moved["customer_id"] == customer["customer_id"]
    assert (moved["amount_sat"], moved["output_index"]) == (500, 1)
    assert moved["at_utc"] == dt.datetime(2024, 5, 6, tzinfo=dt.UTC)


def test_a_bad_row_keeps_its_bytes_place_and_good_rows_their_number(tmp_path):
    content = f"md5,category\n{MD5},1\nnot hex,2\n\n{MD5[:-1]},3\nx{MD5},4\n{MD5},5,6\n{'e' * 32},7\n".encode()
    done = imported(tmp_path, "hash-list", content, accept_defects=True, **ILLEGAL)
    assert (done.rows, done.defects) == (2, 4)
    assert sorted(row["reference_row"] for row in rows_of(tmp_path, "hash_list_entries")) == [0, 5]
    defects = sorted(rows_of(tmp_path, "defects"), key=lambda row: row["offset_bytes"])
    starts = [content[row["offset_bytes"] :].split(b"\n")[0] for row in defects]
    assert starts == [b"not hex,2", MD5[:-1].encode() + b",3", b"x" + MD5.encode() + b",4", MD5.encode() + b",5,6"]
    assert {row["reference_name"] for row in defects} == {"one@1"}
    assert {row["code"] for row in defects} == {"bad_reference_row"}


def test_an_actor_or_customer_is_stated_once_over_all_imports(tmp_path):
    services = "actor,name,kind,country,legal_contact,custodial\nq,Q,exchange,FR,x,yes\n"
    imported(tmp_path, "services", services, name="first")
    with pytest.raises(UnreadableInputError, match="in the register already"):
        imported(tmp_path, "services", services + "r,R,exchange,FR,x,yes\n", name="second")
    done = imported(tmp_path, "services", services + "r,R,exchange,FR,x,yes\n", name="second", accept_defects=True)
    assert (done.rows, done.defects) == (1, 1)
    assert sorted(row["actor"] for row in rows_of(tmp_path, "services")) == ["q", "r"]


def test_the_same_file_gives_the_same_seal_and_another_polarity_another(tmp_path):
    for folder, polarity in (("a", "known-illegal"), ("b", "known-illegal"), ("c", "known-benign")):
        (tmp_path / folder).mkdir()
        imported(tmp_path / folder, "hash-list", f"md5\n{MD5}\n", polarity=polarity)
    seals = [seal_digest(tmp_path / folder / "references" / "one@1") for folder in "abc"]
    assert seals[0] == seals[1] != seals[2]


def test_a_refusal_leaves_nothing_behind(tmp_path):
    for kind, options in (("hash-list", {}), ("nonsense", {}), ("tag-pack", ILLEGAL), ("records", {"name": "../x"})):
        with pytest.raises(ConfigError):
            imported(tmp_path, kind, f"md5\n{MD5}\n", **options)
    with pytest.raises(InputError, match="no such file"):
        import_reference(tmp_path, "records", tmp_path / "none", name="a", version="1")
    with pytest.raises(UnreadableInputError):
        imported(tmp_path, "records", "source_key,full_name,convicted\n1,A,perhaps\n")
    assert reference_files(tmp_path) == {}
    assert not (tmp_path / "references").exists()


REGISTERS = sorted(kind for kind in KINDS if KINDS[kind].read is not None)


@pytest.mark.parametrize("kind", REGISTERS)
@given(
    content=st.one_of(st.binary(max_size=200), st.text(alphabet='",;\n\r[]{}:-aé0\x00', max_size=200).map(str.encode))
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_read_or_refused_in_one_clear_line(kind, content, tmp_path):
    path = tmp_path / "any"
    path.write_bytes(content)
    reading, refusal = read_or_refused(kind, path)
    assert refusal is None or str(path) in refusal
    for bad in reading.bad_rows if reading else ():
        assert bad.reason
        assert bad.offset_bytes is None or 0 <= bad.offset_bytes <= len(content)


def read_or_refused(kind, path):
    try:
        return KINDS[kind].read(path), None
    except HeadwaterError as error:
        return None, str(error)


HEADERS = {
    "services": "actor,name,kind,country,legal_contact,custodial,retention_days",
    "records": "source_key,full_name,convicted,date_of_birth",
    "customers": "actor,source_key,full_name",
    "customer-transactions": "actor,source_key,direction,txid,address,amount_sat,at_utc,output_index",
    "networks": "cidr,kind,country",
    "outcomes": "lead_id,outcome,reported_on,reported_by,note",
    "retention": "holder_kind,country,retention_days,source,holder",
    "prices": "day,currency,price_minor,source",
}
CELLS = st.one_of(
    st.sampled_from(["", "1", "yes", "no", MD5, SHA1, SHA256, "withdrawal", "10.0.0.0/8", "2024-01-01T00:00:00Z", "é"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)


@pytest.mark.parametrize("kind", sorted(HEADERS))
@given(rows=st.lists(st.lists(CELLS, min_size=3, max_size=8), max_size=5))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_row_under_a_good_header_is_kept_or_named(kind, rows, tmp_path):
    import csv
    import io

    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    content = (HEADERS[kind] + "\n" + written.getvalue()).encode()
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    reading = KINDS[kind].read(path)
    kept = [good.row for found in reading.tables.values() for good in found]
    assert sorted(kept + [bad.row for bad in reading.bad_rows]) == list(range(len(rows)))
    for bad in reading.bad_rows:
        assert content[: bad.offset_bytes].endswith(b"\n")
        assert content[bad.offset_bytes : bad.offset_bytes + 1] == b'"'
