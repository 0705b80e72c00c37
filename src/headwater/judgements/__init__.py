"""What a person decided: who, when, on what, why; only ever added to."""

from headwater.judgements.judgement import VERDICTS, Judgement, Verdict, append, history, snapshot, standing

__all__ = ["VERDICTS", "Judgement", "Verdict", "append", "history", "snapshot", "standing"]
