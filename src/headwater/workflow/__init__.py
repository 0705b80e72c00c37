"""The one module that knows the whole order, and everything that is done to a case."""

from headwater.workflow.access import AccessLog, AccessRow, access_faults, access_rows
from headwater.workflow.agreement import AgreementReport, agreement_report
from headwater.workflow.around_clusters import ClusterLinks, cluster_links
from headwater.workflow.case import Actor, Case, system_clock
from headwater.workflow.cluster_rows import cluster_members
from headwater.workflow.confirm import confirm_polarity, reference_list
from headwater.workflow.content import SCALE_BITS, content_explained
from headwater.workflow.content_rows import content_grades, contents_of, ungraded_contents
from headwater.workflow.contents import FACETS, ContentPage, Contents, FacetValue
from headwater.workflow.custody_acts import (
    erase_texts,
    import_timestamp,
    prove_entry,
    prove_growth,
    request_timestamp,
    witnessed_head,
)
from headwater.workflow.database import open_store
from headwater.workflow.decided import DECIDED_TABLES, Decisions, put_exhibits
from headwater.workflow.deconfliction import (
    StepDone,
    answer_offer,
    finish_session,
    shared_rows,
    start_session,
    withdraw_session,
)
from headwater.workflow.deconfliction_sessions import DeconflictSession, deconflict_sessions
from headwater.workflow.deconfliction_terms import Stated
from headwater.workflow.drafts import checked_draft, draft_list, draft_told, sealed_file
from headwater.workflow.erasing import SubjectErased, erase_subject
from headwater.workflow.explain import way_back
from headwater.workflow.intake import add_exhibit, add_reference, approve_mapping
from headwater.workflow.judging import Judged, JudgedMeanwhileError, judge_link, judgement_history
from headwater.workflow.lead_views import case_status, lead_timeline, lead_window, leads_by_country, merged_person
from headwater.workflow.mapping_drafts import (
    DraftBinding,
    MappingDraft,
    TriedMapping,
    approve_draft,
    decide_binding,
    edit_draft,
    mapping_draft,
    start_draft,
    try_draft,
)
from headwater.workflow.merges import cut_preview, joining_path
from headwater.workflow.money import (
    SheetsWritten,
    export_request_sheets,
    sheets_to_read,
    write_month_table,
    write_sankey,
)
from headwater.workflow.movers import MOST_MOVERS, lead_movers
from headwater.workflow.overview import (
    ACCOUNTED,
    AccountLine,
    NextAction,
    StageStatus,
    accounted,
    next_actions,
    seen_from_outside,
    stage_statuses,
    waiting_rows,
    with_lists,
)
from headwater.workflow.people import lead_explained, named_lead, outcome_report, ranked_leads
from headwater.workflow.questions import way_marks
from headwater.workflow.queue import ShownQueue, queued_hubs, show_queue
from headwater.workflow.ranges import RANGE_KINDS, RangeSum, Strip, medium_strip
from headwater.workflow.refused import ReadAgain, Refusal, read_again, refusals
from headwater.workflow.release import draft_package, release_package
from headwater.workflow.remarks import (
    LONGEST_LABEL,
    LONGEST_NOTE,
    object_row,
    remark_on,
    remarks_shown,
    withdraw_remark,
)
from headwater.workflow.retention import Due, confirm_erasure, due_now, propose_erasure
from headwater.workflow.review import REVIEWER_ROLE, review_draft
from headwater.workflow.review_desk import DeskPair, OwnJudgement, ReviewDesk, ReviewTables
from headwater.workflow.run import StageResult, run_stages
from headwater.workflow.running import RunningStage, running_stage
from headwater.workflow.searching import LONGEST_QUERY, made_index, search_case, search_index_name, search_row
from headwater.workflow.sending import import_outcomes, import_receipt, recall_sent, sent_list
from headwater.workflow.stages import STAGES, Stage, leads_before_judgement
from headwater.workflow.suggest import suggest_mapping
from headwater.workflow.tree import FolderLevel, FolderLine, FolderSums, folder_sums
from headwater.workflow.tree_entries import EntriesUnder, FolderEntries, folder_entries
from headwater.workflow.verify import verify_path
from headwater.workflow.victims import OF_VICTIMS, VICTIM_ROLE, victim_reader
from headwater.workflow.viewer import (
    GradedFileStanding,
    GradesRead,
    export_media,
    graded_file_list,
    read_grades,
    withdraw_grades,
)
from headwater.workflow.views import (
    LedgerReport,
    consult,
    ledger_report,
    open_tables,
    table_list,
    table_rows,
)

__all__ = [
    "ACCOUNTED",
    "DECIDED_TABLES",
    "FACETS",
    "LONGEST_LABEL",
    "LONGEST_NOTE",
    "LONGEST_QUERY",
    "MOST_MOVERS",
    "OF_VICTIMS",
    "RANGE_KINDS",
    "REVIEWER_ROLE",
    "SCALE_BITS",
    "STAGES",
    "VICTIM_ROLE",
    "AccessLog",
    "AccessRow",
    "AccountLine",
    "Actor",
    "AgreementReport",
    "Case",
    "ClusterLinks",
    "ContentPage",
    "Contents",
    "Decisions",
    "DeconflictSession",
    "DeskPair",
    "DraftBinding",
    "Due",
    "EntriesUnder",
    "FacetValue",
    "FolderEntries",
    "FolderLevel",
    "FolderLine",
    "FolderSums",
    "GradedFileStanding",
    "GradesRead",
    "Judged",
    "JudgedMeanwhileError",
    "LedgerReport",
    "MappingDraft",
    "NextAction",
    "OwnJudgement",
    "RangeSum",
    "ReadAgain",
    "Refusal",
    "ReviewDesk",
    "ReviewTables",
    "RunningStage",
    "SheetsWritten",
    "ShownQueue",
    "Stage",
    "StageResult",
    "StageStatus",
    "Stated",
    "StepDone",
    "Strip",
    "SubjectErased",
    "TriedMapping",
    "access_faults",
    "access_rows",
    "accounted",
    "add_exhibit",
    "add_reference",
    "agreement_report",
    "answer_offer",
    "approve_draft",
    "approve_mapping",
    "case_status",
    "checked_draft",
    "cluster_links",
    "cluster_members",
    "confirm_erasure",
    "confirm_polarity",
    "consult",
    "content_explained",
    "content_grades",
    "contents_of",
    "cut_preview",
    "decide_binding",
    "deconflict_sessions",
    "draft_list",
    "draft_package",
    "draft_told",
    "due_now",
    "edit_draft",
    "erase_subject",
    "erase_texts",
    "export_media",
    "export_request_sheets",
    "finish_session",
    "folder_entries",
    "folder_sums",
    "graded_file_list",
    "import_outcomes",
    "import_receipt",
    "import_timestamp",
    "joining_path",
    "judge_link",
    "judgement_history",
    "lead_explained",
    "lead_movers",
    "lead_timeline",
    "lead_window",
    "leads_before_judgement",
    "leads_by_country",
    "ledger_report",
    "made_index",
    "mapping_draft",
    "medium_strip",
    "merged_person",
    "named_lead",
    "next_actions",
    "object_row",
    "open_store",
    "open_tables",
    "outcome_report",
    "propose_erasure",
    "prove_entry",
    "prove_growth",
    "put_exhibits",
    "queued_hubs",
    "ranked_leads",
    "read_again",
    "read_grades",
    "recall_sent",
    "reference_list",
    "refusals",
    "release_package",
    "remark_on",
    "remarks_shown",
    "request_timestamp",
    "review_draft",
    "run_stages",
    "running_stage",
    "sealed_file",
    "search_case",
    "search_index_name",
    "search_row",
    "seen_from_outside",
    "sent_list",
    "shared_rows",
    "sheets_to_read",
    "show_queue",
    "stage_statuses",
    "start_draft",
    "start_session",
    "suggest_mapping",
    "system_clock",
    "table_list",
    "table_rows",
    "try_draft",
    "ungraded_contents",
    "verify_path",
    "victim_reader",
    "waiting_rows",
    "way_back",
    "way_marks",
    "with_lists",
    "withdraw_grades",
    "withdraw_remark",
    "withdraw_session",
    "witnessed_head",
    "write_month_table",
    "write_sankey",
]
