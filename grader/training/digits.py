"""The trusted judge of generated digits: a small classifier, and a Frechet distance between its features.

With means m and covariances C of the features of real and generated pictures,

    d = |m_r - m_g|^2 + tr(C_r + C_g - 2 (C_r C_g)^(1/2))

Source: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule", 2017 (there with Inception's features).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grader.errors import SandboxError
from grader.sandbox.client import Tensor
from grader.subject import Subject
from grader.values import Array, ArrayValue, SequenceValue

LEAST_ACCURACY = 0.9  # of the classifier on digits that it has not seen: a worse one can't judge
CONFIDENT = 0.7  # a picture counts as a digit from this probability on
COMMON = 0.02  # a digit appears when this share of the pictures are confidently it


@dataclass(frozen=True)
class Judge:
    """The classifier's weights, the features of real digits, and its accuracy on unseen ones."""

    weights: tuple[Array, ...]
    mean: Array
    scale: Array
    real: Array
    accuracy: float

    def features(self, images: Array) -> Array:
        """The hidden units (N, 64) of images (N, 784) in [-1, 1], scaled as those of real digits."""
        W, b = self.weights[:2]
        return np.asarray((np.maximum(images @ W + b, 0) - self.mean) / self.scale)

    def probabilities(self, images: Array) -> Array:
        """(N, 10)."""
        W1, b1, W2, b2 = self.weights
        return _softmax(np.maximum(images @ W1 + b1, 0) @ W2 + b2)

    def metrics(self, images: Array) -> dict[str, float]:
        """Frechet distance per feature to real digits, mean confidence, and how many of the ten digits appear."""
        likely = self.probabilities(images)
        sure = likely.max(axis=1) >= CONFIDENT
        shares = np.bincount(likely.argmax(axis=1)[sure], minlength=10) / len(images)
        return {
            "distance": frechet(self.real, self.features(images)) / self.real.shape[1],
            "confidence": float(likely.max(axis=1).mean()),
            "digits": float((shares >= COMMON).sum()),
        }


def fit(reference: Subject, images: Array, labels: Array, test: Array, answers: Array) -> Judge:
    """A judge fitted on digits (N, 28, 28) of bytes. Raises `SandboxError` when it is no good on the test digits."""
    value = reference.probe(
        "training_judge", "fit", Tensor(scaled(images)), Tensor(labels.astype(np.int64)), seed=231
    )
    if not isinstance(value, SequenceValue):
        raise SandboxError(f"The judge of digits came back as {value}.")
    weights = tuple(item.data.astype(np.float64) for item in value.items if isinstance(item, ArrayValue))
    W, b = weights[:2]
    hidden = np.maximum(scaled(images) @ W + b, 0)
    mean, scale = hidden.mean(axis=0), hidden.std() + 1e-6
    judge = Judge(weights, mean, np.asarray(scale), (hidden - mean) / scale, 0.0)
    accuracy = float((judge.probabilities(scaled(test)).argmax(axis=1) == answers).mean())
    if accuracy < LEAST_ACCURACY:
        raise SandboxError(
            f"The judge of digits is right on {accuracy:.0%} only.", "Is the data what it should be?"
        )
    return Judge(weights, mean, np.asarray(scale), judge.real, accuracy)


def scaled(images: Array) -> Array:
    """Bytes (N, 28, 28) as float32 (N, 784) in [-1, 1]."""
    flat: Array = images.reshape(len(images), -1).astype(np.float32) / 127.5 - 1
    return flat


def frechet(a: Array, b: Array) -> float:
    """The squared distance of two Gaussians fitted to the rows of `a` and `b`."""
    A, B = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = _root(A)
    cross = np.sqrt(np.linalg.eigvalsh(root @ B @ root).clip(0)).sum()  # tr((AB)^(1/2))
    return float(((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum() + np.trace(A) + np.trace(B) - 2 * cross)


def _root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    root: Array = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return root


def _softmax(scores: Array) -> Array:
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    share: Array = shifted / shifted.sum(axis=1, keepdims=True)
    return share
