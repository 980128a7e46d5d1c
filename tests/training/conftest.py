"""The built-in data with few images, made once: the tests of this folder only need its form."""

from __future__ import annotations

from pathlib import Path

import pytest

from grader.data import make


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty captioned images, all digits, 120 pictures."""
    place = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(make, "IMAGES", {"train": 60, "val": 10})
        patch.setattr(make, "PICTURES_PER_BATCH", 20)
        patch.setattr(make, "TEST_PICTURES", 20)
        make.make(place)
    return place
