"""What bound rows show of a mapping: a wrong zone and a wrong unit are told by the counts."""

from __future__ import annotations

import io

from headwater.evidence.gather import Gathered
from headwater.evidence.mapping import read_mapping
from headwater.evidence.platform import PlatformTables
from headwater.evidence.postconditions import mapping_checks
from headwater.evidence.row_source import RowSource
from headwater_sealed.mysql_dump import parse_mysql_dump

DUMP = b"""CREATE TABLE `members` (`id` int, `login` varchar(40), `jabber` varchar(80), `made` datetime);
INSERT INTO `members` VALUES (1,'alder','alder@chat.test','2024-07-01 12:00:00'),(2,'birch',NULL,'2024-10-27 02:30:00'),
(3,'elm','','2024-10-27 02:59:59'),(4,'hazel','hazel@chat.test','1987-01-01 00:00:00');
"""
MAPPING = read_mapping(b"""
version: 1
zone: Europe/Berlin
tables:
  - table: members
    binds: accounts
    key: id
    because: one row for each login
    columns:
      nickname: {column: login}
      role: {literal: member}
      registered_at_utc: {column: made, unit: datetime_local}
  - table: members
    binds: identifiers
    because: the page calls it Jabber
    columns: {account: {column: id, joins: members}, identifier_kind: {literal: jabber}, value: {column: jabber}}
""")


def checks() -> dict[tuple[str, str, str], tuple[int, int]]:
    tables = PlatformTables(exhibit_id="EX-1", mapping=MAPPING)
    source = RowSource(exhibit_id="EX-1", item_id="itm-of-the-dump", source_format="mysql-dump")
    parse_mysql_dump([io.BytesIO(DUMP)], {}, lambda batch: tables.take(source, batch))
    gathered = Gathered()
    gathered.add_all(tables.finished())
    return {
        (row["binds"], row["column_name"], row["check_name"]): (row["rows"], row["rows_met"])
        for row in mapping_checks(MAPPING, gathered).to_pylist()
    }


def test_local_times_that_clocks_showed_twice_are_counted() -> None:
    assert checks()["accounts", "registered_at_utc", "one_instant"] == (4, 2)
    assert checks()["accounts", "registered_at_utc", "inside_window"] == (4, 3)


def test_each_binding_of_a_table_has_checks_of_its_own() -> None:
    found = checks()
    assert found["accounts", "", "used"] == (4, 4)
    assert found["identifiers", "", "used"] == (4, 2)
    assert ("identifiers", "at_utc", "one_instant") not in found
