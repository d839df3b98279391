"""Probabilities of logits, in NumPy."""

import numpy as np


def softmax(logits: np.ndarray, *, axis: int = -1) -> np.ndarray:
    """Of the logits' own precision, summing to 1 along `axis` as closely as that allows."""
    shifted = np.exp(logits - logits.max(axis=axis, keepdims=True))
    shifted /= shifted.sum(axis=axis, keepdims=True)
    return shifted


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Of each logit by itself, in float64: no exponential of it overflows."""
    small = np.exp(-np.abs(logits, dtype=np.float64))
    found: np.ndarray = np.where(logits >= 0, 1.0, small) / (1 + small)
    return found


def logit(probs: np.ndarray | float, *, eps: float = 0.0) -> np.ndarray:
    """The inverse of `sigmoid`; probabilities are cut to `eps` … 1 - `eps`."""
    cut = np.clip(probs, eps, 1 - eps)
    with np.errstate(divide="ignore"):  # of 0 and 1 it is infinite
        found: np.ndarray = np.log(cut) - np.log1p(-cut)
    return found
