"""Lists out to the accredited viewer, grades back in. Digests and paths only: no media passes here."""

from headwater.viewer.comparing import Change, Comparison, Stored, compared
from headwater.viewer.exporting import FORMATS, MANIFEST_NAME, Exported, ExportWishes, write_export
from headwater.viewer.graded_rows import Defaults, Said, grader_of, stated_rows
from headwater.viewer.media_out import EXPORTED_GROUPS, escaped_path, unescaped_path
from headwater.viewer.names import COLUMNS
from headwater.viewer.packaged import packaged_lists
from headwater.viewer.recognising import Recogniser
from headwater.viewer.rows_in import GradedSource

__all__ = [
    "COLUMNS",
    "EXPORTED_GROUPS",
    "FORMATS",
    "MANIFEST_NAME",
    "Change",
    "Comparison",
    "Defaults",
    "ExportWishes",
    "Exported",
    "GradedSource",
    "Recogniser",
    "Said",
    "Stored",
    "compared",
    "escaped_path",
    "grader_of",
    "packaged_lists",
    "stated_rows",
    "unescaped_path",
    "write_export",
]
