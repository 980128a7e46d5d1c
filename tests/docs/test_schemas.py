"""The JSON Schemas of the results: fresh, and what is written holds to them."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from grader.results import to_json
from grader.session import REFERENCE, Grader
from handbook import schemas
from tests.reports import class_sample, sample


def validator(name: str) -> jsonschema.Draft202012Validator:
    """Of the schema as it lies in docs/schema."""
    content = json.loads(schemas.file(name).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(content)
    return jsonschema.Draft202012Validator(content)


def typical() -> dict[str, Any]:
    """A result with every outcome and most kinds of details, as JSON."""
    made: dict[str, Any] = json.loads(to_json(sample.typical()))
    return made


@pytest.mark.parametrize("name", schemas.RECORDS)
def test_the_schemas_are_fresh(name: str) -> None:
    """The committed file is what the records give; `make schemas` writes it."""
    assert schemas.file(name).read_text(encoding="utf-8") == schemas.encoded(name)


def test_a_real_grading_is_valid(grader: Grader) -> None:
    """What grading the reference writes holds to the schema."""
    done = grader.grade(REFERENCE, select="rnn_step_forward", seed=1)
    validator("result").validate(json.loads(to_json(done)))


def test_results_of_every_kind_are_valid() -> None:
    """Every outcome, detail and flag, and a class with policies and several attempts."""
    validator("result").validate(typical())
    validator("result").validate(json.loads(to_json(sample.hostile(sample.HOSTILE[0]))))
    validator("class").validate(json.loads(to_json(class_sample.typical()[0])))


@pytest.mark.parametrize(
    ("field", "value"), [("points", 1.5), ("submission", None), ("parts", {}), ("checks", [{"id": "x"}])]
)
def test_what_is_no_result_is_refused(field: str, value: object) -> None:
    """A wrong type or a missing field does not pass."""
    with pytest.raises(jsonschema.ValidationError):
        validator("result").validate({**typical(), field: value})


def test_an_unknown_outcome_is_refused() -> None:
    """A check has one of five outcomes."""
    result = typical()
    result["checks"][0]["outcome"] = "perfect"
    with pytest.raises(jsonschema.ValidationError):
        validator("result").validate(result)
