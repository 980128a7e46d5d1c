"""What checks keep of a submission between them."""

from __future__ import annotations

import gc
import weakref

from grader.session import REFERENCE, Grader

SELECT = "(discriminator and not loss) or generator_loss or (compute_train_transform and grey)"


def test_what_checks_keep_goes_with_the_submission() -> None:
    """Networks, losses and streams of views hold on to the submission that they belong to, until it is closed."""
    with Grader() as grader:
        grader.grade(REFERENCE, seed=3, select=SELECT)
        student = grader.last_student
        assert student is not None
        assert not student.kept
        seen, grader.last_student = weakref.ref(student), None
        del student
        gc.collect()
        assert seen() is None
