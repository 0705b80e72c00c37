"""The one module that knows the whole order, and everything that is done to a case."""

from headwater.workflow.case import Actor, Case
from headwater.workflow.confirm import confirm_polarity, reference_list
from headwater.workflow.custody_acts import (
    erase_texts,
    import_timestamp,
    prove_entry,
    prove_growth,
    request_timestamp,
    witnessed_head,
)
from headwater.workflow.explain import way_back
from headwater.workflow.intake import add_exhibit, add_reference, approve_mapping
from headwater.workflow.merges import cut_preview, joining_path
from headwater.workflow.money import SheetsWritten, export_request_sheets, write_month_table, write_sankey
from headwater.workflow.people import (
    judge_link,
    lead_explained,
    outcome_report,
    queued_hubs,
    queued_links,
    ranked_leads,
)
from headwater.workflow.release import draft_package, release_package
from headwater.workflow.run import StageResult, run_stages
from headwater.workflow.stages import STAGES, Stage, leads_before_judgement
from headwater.workflow.suggest import suggest_mapping
from headwater.workflow.verify import verify_path
from headwater.workflow.viewer import GradesRead, export_media, read_grades, withdraw_grades
from headwater.workflow.views import LedgerReport, consult, ledger_report, open_tables, table_list, table_rows

__all__ = [
    "STAGES",
    "Actor",
    "Case",
    "GradesRead",
    "LedgerReport",
    "SheetsWritten",
    "Stage",
    "StageResult",
    "add_exhibit",
    "add_reference",
    "approve_mapping",
    "confirm_polarity",
    "consult",
    "cut_preview",
    "draft_package",
    "erase_texts",
    "export_media",
    "export_request_sheets",
    "import_timestamp",
    "joining_path",
    "judge_link",
    "lead_explained",
    "leads_before_judgement",
    "ledger_report",
    "open_tables",
    "outcome_report",
    "prove_entry",
    "prove_growth",
    "queued_hubs",
    "queued_links",
    "ranked_leads",
    "read_grades",
    "reference_list",
    "release_package",
    "request_timestamp",
    "run_stages",
    "suggest_mapping",
    "table_list",
    "table_rows",
    "verify_path",
    "way_back",
    "withdraw_grades",
    "witnessed_head",
    "write_month_table",
    "write_sankey",
]
