"""The only door to the query engines: DuckDB by default, Spark as an option, both through Ibis."""

from headwater.engine.context import Exhibit, Progress, StageContext, silent, unsaid
from headwater.engine.descriptor_scripts import DescriptorUnusableError, WatchedScripts, watched_scripts
from headwater.engine.few_rows import Compiled, FewRows, NamesTables, compiled
from headwater.engine.keyed import FindsRows, may_hold
from headwater.engine.keys_in_text import find_key_material, key_material, without_keys
from headwater.engine.parquet import ParquetParts, file_sha256, sync_folder, write_parquet
from headwater.engine.row_index import RowIndexes, text_numbers
from headwater.engine.session import Session
from headwater.engine.spool import Derived, Replay, Spool, StoredTable, stored_in_order
from headwater.engine.withheld import can_name_subjects, without_subjects

__all__ = [
    "Compiled",
    "Derived",
    "DescriptorUnusableError",
    "Exhibit",
    "FewRows",
    "FindsRows",
    "NamesTables",
    "ParquetParts",
    "Progress",
    "Replay",
    "RowIndexes",
    "Session",
    "Spool",
    "StageContext",
    "StoredTable",
    "WatchedScripts",
    "can_name_subjects",
    "compiled",
    "file_sha256",
    "find_key_material",
    "key_material",
    "may_hold",
    "silent",
    "stored_in_order",
    "sync_folder",
    "text_numbers",
    "unsaid",
    "watched_scripts",
    "without_keys",
    "without_subjects",
    "write_parquet",
]
