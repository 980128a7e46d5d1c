"""Where gradmark's own folders are: beside the package, in a checkout and in a student's package alike."""

from __future__ import annotations

from pathlib import Path

import grader

ROOT = Path(grader.__file__).resolve().parent.parent
CHECKS, REFERENCE, TEMPLATE = ROOT / "checks", ROOT / "reference", ROOT / "student_template"
FIXTURES = ROOT / "fixtures.zip"  # what takes the reference's place in a student's package
PROBES = tuple(f"checks.probes.{file.stem}" for file in sorted((CHECKS / "probes").glob("[a-z]*.py")))
SEED_BITS = 53  # exact in every JSON reader
