"""What others read packages with, run in an environment of its own: writes a JSON object for each file that is named.

Files that end in .jsonld go to CASE's validator, .json to OASIS' library for STIX, .jsonl to FollowTheMoney's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

CASE_VERSION = "1.4.0"


def case_graph(path: Path) -> str:
    """Empty if the graph conforms, without a warning; else what is wrong."""
    from case_utils.case_validate import validate

    done = validate(str(path), case_version=f"case-{CASE_VERSION}")
    if done.undefined_concepts:
        return f"undefined: {sorted(map(str, done.undefined_concepts))}"
    return "" if done.conforms else str(done.text)


def stix(path: Path) -> str:
    """Empty if the bundle is STIX 2.1 without anything custom; else what is wrong."""
    import stix2

    try:
        stix2.parse(path.read_text(encoding="utf-8"), allow_custom=False, version="2.1")
    except (stix2.exceptions.STIXError, ValueError) as error:
        return str(error)
    return ""


def entities(path: Path) -> str:
    """Empty if each line is an entity of the model and no value is lost on reading; else what is wrong."""
    try:
        from followthemoney import model
        from followthemoney.exc import InvalidData
    except ImportError:
        return "absent"
    for line in path.read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        try:
            model.get(told["schema"]).validate(told)
            read = model.get_proxy(told, cleaned=False)
            lost = {name for name, values in told["properties"].items() if sorted(read.get(name)) != sorted(values)}
        except (InvalidData, AttributeError) as error:
            return str(error)
        if lost:
            return f"{told['schema']}: lost on reading: {sorted(lost)}"
    return ""


READERS = {".jsonld": case_graph, ".json": stix, ".jsonl": entities}

if __name__ == "__main__":
    for name in sys.argv[1:]:
        wrong = READERS[Path(name).suffix](Path(name))
        sys.stdout.write(json.dumps({"file": Path(name).name, "wrong": wrong}) + "\n")
