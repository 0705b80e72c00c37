"""Templates of widespread software: recognised under any prefix, and readable as the mappings they become."""

from __future__ import annotations

import pytest

from headwater.errors import ConfigError
from headwater.evidence.mapping import read_mapping
from headwater.evidence.templates import Template, recognised, template_mapping, templates


def tables_of(template: Template, prefix: str) -> dict[str, list[str]]:
    there = {prefix + name: [*columns, "other"] for name, columns in template.tables.items()}
    return there | {f"{prefix}config": ["name", "value"], "users": ["nothing", "alike"]} if prefix else there


@pytest.mark.parametrize("template", templates(), ids=lambda one: one.application)
@pytest.mark.parametrize("prefix", ["", "board_", "x9"])
def test_software_is_recognised_whatever_stands_before_its_tables(template: Template, prefix: str):
    assert recognised(tables_of(template, prefix)) == (template, prefix)


@pytest.mark.parametrize("template", templates(), ids=lambda one: one.application)
def test_a_template_becomes_a_mapping_that_reads_only_columns_that_were_recognised(template: Template):
    mapping = read_mapping(template_mapping(template, "pre_").encode())
    assert mapping.application == template.application
    for binding in mapping.bindings:
        columns = template.tables[binding.table.removeprefix("pre_")]
        assert set(binding.columns_read) <= set(columns)
        for column in binding.columns:
            for via in column.via:
                assert {via.key, via.take} <= set(template.tables[via.table.removeprefix("pre_")])
        assert binding.because.startswith("suggested, not confirmed")


@pytest.mark.parametrize("template", templates(), ids=lambda one: one.application)
def test_one_column_less_and_it_is_not_recognised(template: Template):
    tables = tables_of(template, "p_")
    name = f"p_{next(reversed(template.tables))}"
    tables[name] = tables[name][1:]
    assert recognised(tables) != (template, "p_")


def test_nothing_is_recognised_in_tables_of_another_kind():
    assert recognised({"users": ["id", "name"], "posts": ["id"]}) is None
    assert recognised({}) is None


def test_a_template_cannot_be_approved_as_it_is(small, headwater, tmp_path):
    draft = tmp_path / "draft.yaml"
    draft.write_text(template_mapping(templates()[0], ""))
    done = headwater("map", small.case, "--approve", draft)
    assert done.status == 2
    assert "still a suggestion" in done.err
    with pytest.raises(ConfigError):
        read_mapping(draft.read_bytes().replace(b"epoch_s", b"soon"))
