"""Access logs agree with the dump, and a few lines fit no pattern."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import re

import pytest

from headwater_synth.access_logs import write_access_logs
from headwater_synth.population import build_population
from headwater_synth.population_accounts import SEIZED_AT_S
from headwater_synth.population_activity import drawn_logins, drawn_uploads

_COMBINED = re.compile(
    rb'^(\S+) - (\S+) \[(\d\d/\w{3}/\d{4}:[\d:]{8} [+-]\d{4})\] "([A-Z]+) (\S+) HTTP/2\.0" (\d+) (\d+) "-" "[^"]+"$'
)


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("logs")
    population = build_population(4, accounts=900, payers=50)
    logins, uploads = drawn_logins(population), drawn_uploads(population, ())
    write_access_logs(folder, population, logins, uploads)
    return population, logins, uploads, folder


def _lines(folder):
    return (
        gzip.decompress((folder / "access.log.1.gz").read_bytes()).splitlines()
        + (folder / "access.log").read_bytes().splitlines()
    )


def _parsed(folder):
    for line in _lines(folder):
        found = _COMBINED.match(line)
        if found:
            at = dt.datetime.strptime(found[3].decode(), "%d/%b/%Y:%H:%M:%S %z")
            yield ipaddress.ip_address(found[1].decode()), found[2].decode(), int(at.timestamp()), found[4], found[5]


def test_every_login_of_the_last_three_weeks_is_in_the_logs(logs):
    population, logins, _, folder = logs
    logged = {
        (address, name, at_s)
        for address, name, at_s, method, path in _parsed(folder)
        if (method, path) == (b"POST", b"/enter")
    }
    expected = {
        (
            ipaddress.ip_address(login.network_address),
            population.account(login.account_key).nickname,
            login.at_ms // 1_000,
        )
        for login in logins.since(SEIZED_AT_S - 21 * 86_400)
    }
    assert logged == expected
    assert expected


def test_every_upload_of_that_time_is_in_the_logs(logs):
    population, _, uploads, folder = logs
    logged = {(address, name, at_s) for address, name, at_s, method, path in _parsed(folder) if path == b"/put"}
    assert logged == {
        (ipaddress.ip_address(upload.network_address), population.account(upload.account_key).nickname, upload.at_s)
        for upload in uploads
        if upload.at_s >= SEIZED_AT_S - 21 * 86_400
    }


def test_a_few_lines_fit_no_pattern(logs):
    odd = [line for line in _lines(logs[3]) if not _COMBINED.match(line)]
    assert 5 <= len(odd) <= 9
    assert any(b"\xff" in line for line in odd)


def test_the_rotated_log_carries_no_time_of_its_own(logs):
    head = (logs[3] / "access.log.1.gz").read_bytes()[:10]
    assert head[4:8] == bytes(4)
    assert not head[3] & 0x08  # nor a name
