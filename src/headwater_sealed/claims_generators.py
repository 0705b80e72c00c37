"""Which generator's parameters a text looks like: its name, its version, that they are there; never what they say.

Generators write the words that they were given, and often the whole graph of their steps, into text fields. Those words
may describe a child. They are looked at here to recognise the form, and are then forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["GENERATOR_KEYWORDS", "LOOKED_AT_CHARACTERS", "Generator", "generator_of", "says_its_maker"]

LOOKED_AT_CHARACTERS = 1 << 18
"""How much of a text is looked at."""

GENERATOR_KEYWORDS = frozenset(
    {
        "parameters",
        "prompt",
        "workflow",
        "invokeai_metadata",
        "invokeai_graph",
        "invokeai_workflow",
        "sd-metadata",
        "dream",
        "fooocus_scheme",
        "generation_data",
        "aigc",
    }
)
"""Names, in lower case, under which generators are known to keep parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """What is kept of a generator's text.

    Attributes:
        name: The generator, with its version where the text states one.
        form: By what it was recognised.
        claims_synthetic: yes, or unknown where only the name of the field points to a generator.
    """

    name: str
    form: str
    claims_synthetic: str = "yes"


_SAMPLER_STEPS = re.compile(r"\bSteps: \d{1,6}\b")
_SAMPLER_REST = re.compile(r"\b(?:Sampler: |CFG scale: |Seed: \d)")
_SAMPLER_VERSION = re.compile(r"\bVersion: ([\w.+-]{1,40})")
_GRAPH = re.compile(r"(?:prompt|workflow)?:? ?\{")
_GRAPH_KEYS = re.compile(r'"(?:class_type|last_node_id|last_link_id)"\s*:')
_INVOKE = re.compile(r'"(?:app_version|generation_mode|invokeai_version)"\s*:\s*"([\w.+-]{1,40})"')
_INVOKE_VERSION = re.compile(r'"app_version"\s*:\s*"([\w.+-]{1,40})"')
_FOOOCUS = re.compile(r"\b(Fooocus v?[\d.]{1,20})")
_SETTING = re.compile(
    r'"(prompt|negative_prompt|uc|steps|num_inference_steps|sampler|sampler_name|scheduler|seed|cfg_scale|scale|'
    r'guidance_scale|model_hash)"\s*:'
)
_JOB = re.compile(r"\bJob ID: [0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b")
_LABEL = re.compile(r'"Label"\s*:\s*"?([123])"?')
_PRODUCER = re.compile(r'"ContentProducer"\s*:\s*"([^"]{1,80})"')
_FEW_SETTINGS = 3


def _sampler(text: str, _keyword: str) -> Generator | None:
    if not (_SAMPLER_STEPS.search(text) and _SAMPLER_REST.search(text)):
        return None
    version = _SAMPLER_VERSION.search(text)
    return Generator(
        name="Stable Diffusion web UI or alike" + (f" {version[1]}" if version else ""),
        form="parameters named Steps, Sampler, CFG scale, Seed",
    )


def _label(text: str, keyword: str) -> Generator | None:
    """A label of synthetic content as GB 45438-2025 wants it in a file: 1 stated, 2 possible, 3 suspected."""
    label = _LABEL.search(text)
    if label is None or (keyword != "aigc" and '"ContentProducer"' not in text):
        return None
    producer = _PRODUCER.search(text)
    return Generator(
        name=f"AIGC label {label[1]}" + (f", {producer[1]}" if producer else ""),
        form="label of synthetic content",
        claims_synthetic="yes" if label[1] == "1" else "unknown",
    )


def _graph(text: str, _keyword: str) -> Generator | None:
    if _GRAPH.match(text.lstrip()) and _GRAPH_KEYS.search(text):
        return Generator(name="ComfyUI or alike", form="graph of steps")
    return None


def _invoke(text: str, keyword: str) -> Generator | None:
    if not (keyword.startswith(("invokeai", "sd-metadata")) or '"generation_mode"' in text):
        return None
    if not _INVOKE.search(text):
        return None
    version = _INVOKE_VERSION.search(text)
    return Generator(name="InvokeAI" + (f" {version[1]}" if version else ""), form="parameters as JSON")


def _fooocus(text: str, keyword: str) -> Generator | None:
    version = _FOOOCUS.search(text)
    if keyword == "fooocus_scheme" or (version is not None and _SETTING.search(text)):
        return Generator(name=version[1] if version else "Fooocus", form="parameters as JSON")
    return None


def _settings(text: str, _keyword: str) -> Generator | None:
    if len(set(_SETTING.findall(text))) < _FEW_SETTINGS:
        return None
    return Generator(name="generator without a name", form="parameters as JSON: prompt, seed, steps and alike")


def _job(text: str, _keyword: str) -> Generator | None:
    return Generator(name="Midjourney or alike", form="ends in a job id") if _JOB.search(text) else None


_FORMS: tuple[Callable[[str, str], Generator | None], ...] = (
    _label,
    _sampler,
    _invoke,
    _fooocus,
    _graph,
    _settings,
    _job,
)


def generator_of(text: str, keyword: str = "") -> Generator | None:
    """The generator whose parameters the text holds; None if it does not look like any.

    Args:
        text: A text of a file; only its first 262,144 characters are looked at.
        keyword: What the container calls it. A name that generators use, over a text of another form, gives a generator
            without a name that claims nothing: other programs use such names too.
    """
    looked_at, keyword = text[:LOOKED_AT_CHARACTERS], keyword.lower()
    for form in _FORMS:
        seen = form(looked_at, keyword)
        if seen is not None:
            return seen
    if keyword in GENERATOR_KEYWORDS:
        return Generator(
            name="not recognised",
            form="named as generators name their parameters, in a form that is not known here",
            claims_synthetic="unknown",
        )
    return None


_MADE_BY = re.compile(
    r"(?i)\b(?:created|made|produced|written|encoded|optimi[sz]ed|compressed|edited|exported) (?:with|by|using)\b|"
    r"\bcreator:|\bsoftware\b|\blibrary\b|\bencoder\b|\blav[cf]\d|\b(?:version|v) ?\d+(?:\.\d+)*\b|\b\d+\.\d+\.\d+\b"
)
_SHORT_COMMENT_CHARACTERS = 100


def says_its_maker(comment: str) -> bool:
    """Whether a free comment is short and speaks of a program; any other comment is none of our business."""
    return len(comment.strip()) <= _SHORT_COMMENT_CHARACTERS and _MADE_BY.search(comment) is not None
