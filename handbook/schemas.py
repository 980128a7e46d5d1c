"""The JSON Schemas of `result.json` and `class.json` in docs/schema, and the page of all their fields.

`python -m handbook.schemas` writes the schemas; a test holds them to be fresh.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from grader import class_results, results
from handbook.fields import meanings
from handbook.markdown import code, table, text

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "schema"
RECORDS = {"result": results.Grade, "class": class_results.ClassResult}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(name: str) -> dict[str, Any]:
    """The schema of `result` or `class`, with the meaning of each field where the source says it."""
    made = msgspec.json.schema(RECORDS[name])
    for title, record in made["$defs"].items():
        said = meanings(_class(title))
        for field, kind in record.get("properties", {}).items():
            if said.get(field):
                kind["description"] = said[field]
    return {"$schema": DIALECT, "title": f"{name}.json of gradmark", **made}


def _class(title: str) -> type[Any]:
    found = getattr(class_results, title, None) or getattr(results, title)
    assert isinstance(found, type)
    return found


def file(name: str) -> Path:
    """Where a schema lies."""
    return FOLDER / f"{name}.schema.json"


def encoded(name: str) -> str:
    """The contents of that file."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def page() -> str:
    """Every record of both files, field by field."""
    records = {title: record for name in RECORDS for title, record in schema(name)["$defs"].items()}
    return (
        "# Fields of the results\n\n`result.json` is a [Grade](#grade), `class.json` a [ClassResult](#classresult). "
        "The same as JSON Schema: [result](../schema/result.schema.json), [class](../schema/class.schema.json).\n\n"
        + "\n".join(_section(title, record) for title, record in sorted(records.items()))
    )


def _section(title: str, record: dict[str, Any]) -> str:
    head = f"## {title}\n\n{text(record.get('description', ''))}\n\n"
    if "enum" in record:
        return head + ", ".join(code(value) for value in record["enum"]) + "\n"
    needed = record.get("required", ())
    rows = [
        [code(name), _kind(kind), "yes" if name in needed else "", text(kind.get("description", ""))]
        for name, kind in record["properties"].items()
    ]
    return head + table(("field", "type", "always there", "meaning"), rows)


def _kind(kind: dict[str, Any]) -> str:
    if "$ref" in kind:
        name = kind["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in kind:
        return " or ".join(_kind(each) for each in kind["anyOf"])
    if "enum" in kind:
        return ", ".join(code(value) for value in kind["enum"])
    if kind.get("type") == "array" and isinstance(kind.get("items"), dict):
        return f"list of {_kind(kind['items'])}"
    return str(kind.get("type", "any")).replace("array", "list")


def main() -> None:
    """Writes both schemas."""
    for name in RECORDS:
        file(name).write_text(encoded(name), encoding="utf-8")


if __name__ == "__main__":
    main()
