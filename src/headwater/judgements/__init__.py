"""What a person decided: who, when, on what, why; only ever added to."""

from headwater.judgements.judgement import (
    HUB_CLAIM,
    VERDICTS,
    Judgement,
    Verdict,
    append,
    history,
    hub_snapshot,
    snapshot,
    standing,
)

__all__ = ["HUB_CLAIM", "VERDICTS", "Judgement", "Verdict", "append", "history", "hub_snapshot", "snapshot", "standing"]
