"""What a person decided: who, when, on what, why; only ever added to."""

from headwater.judgements.grade import (
    Grade,
    GradedFile,
    GradeKey,
    add_graded_file,
    add_grades,
    current_grades,
    grade_snapshot,
    graded_files,
    grades_digest,
    grades_of_file,
    grades_on,
    is_applied,
    victims_of,
)
from headwater.judgements.judgement import VERDICTS, Judgement, Verdict, append, history, snapshot, standing

__all__ = [
    "VERDICTS",
    "Grade",
    "GradeKey",
    "GradedFile",
    "Judgement",
    "Verdict",
    "add_graded_file",
    "add_grades",
    "append",
    "current_grades",
    "grade_snapshot",
    "graded_files",
    "grades_digest",
    "grades_of_file",
    "grades_on",
    "history",
    "is_applied",
    "snapshot",
    "standing",
    "victims_of",
]
