"""Random numbers that depend on (seed, epoch, sample, name) and on nothing else.

A counter-based generator: each number is a hash of its key, so there is no state to carry, save or split. A
resumed run, another batch order, another number of processes or another device draws the same numbers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from foveal.errors import UsageError


@dataclass(frozen=True)
class Draws:
    """The draws of one batch: every method gives one number per sample, (B,), on the CPU.

    The same name gives the same numbers again; different names, samples, epochs and seeds give independent
    ones.
    """

    seed: int
    """0 to 2**64 - 1."""
    epoch: int
    """0 to 2**64 - 1."""
    samples: Tensor
    """(B,) int64: each sample's number in its data set, any value."""

    def __post_init__(self) -> None:
        for name in ("seed", "epoch"):
            value = getattr(self, name)
            if not 0 <= value < 2**64:
                raise UsageError(f"{name}: expected a whole number from 0 to 2**64 - 1, got {value!r}")
        if self.samples.dtype != torch.int64 or self.samples.ndim != 1:
            shape = tuple(self.samples.shape)
            raise UsageError(f"samples: expected int64 of shape (B,), got {self.samples.dtype} of shape {shape}")

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform numbers from `low` to `high`, (B,) float32, in steps of 2**-24 of the range."""
        if low == high:
            return torch.full((len(self.samples),), low)
        return torch.from_numpy(low + (high - low) * self._units(name)).float()

    def bernoulli(self, name: str, p: float) -> Tensor:
        """True with probability `p`, (B,) bool; 0 is never and 1 is always."""
        if p == 0:
            return torch.zeros(len(self.samples), dtype=torch.bool)
        return torch.from_numpy(self._units(name) < p)

    def alternating(self, name: str, p: float, *, every: int = 1) -> Tensor:
        """True in a share `p` of the epochs, as evenly spread over them as can be, (B,) bool: 1/2 is every other one.

        Which ones is random and each sample's own. It changes every `every` epochs.
        """
        if p == 0:
            return torch.zeros(len(self.samples), dtype=torch.bool)
        phase = replace(self, epoch=0)._units(name)
        return torch.from_numpy((phase + self.epoch // every * p) % 1 < p)

    def beta(self, name: str, alpha: float) -> Tensor:
        """Beta(alpha, alpha) numbers, (B,) float32, for any alpha above 0.

        Exact and without rejection, so that two uniforms are one draw: T, drawn by the polar method of
        Bailey 1994 ("Polar generation of random variates with the t-distribution"), has Student's t
        distribution with 2 alpha degrees of freedom, and 1/2 + T / (2 sqrt(2 alpha + T²)) has the symmetric
        Beta (Devroye 1996, "Random variate generation in one line of code"). With z = T / sqrt(2 alpha)
        that is (1 + sin arctan z) / 2.
        """
        radius, angle = self._units(f"{name}/radius"), self._units(f"{name}/angle")
        with np.errstate(over="ignore"):  # a small alpha sends z to infinity, where arctan is still exact
            z = np.sqrt((1 - radius) ** (-1 / alpha) - 1) * np.cos(2 * np.pi * angle)
        return torch.from_numpy((1 + np.sin(np.arctan(z))) / 2).float()

    def _units(self, name: str) -> NDArray[np.float64]:
        """Uniform numbers in [0, 1), (B,): the upper 24 bits, all that float32 can hold."""
        return (self._bits(name) >> np.uint64(40)).astype(np.float64) * 2.0**-24

    def _bits(self, name: str) -> NDArray[np.uint64]:
        """64 random bits per sample, (B,): for a given seed, epoch and name no two samples share them."""
        stream = int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")
        key = np.zeros(1, np.uint64)
        for word in (self.seed, self.epoch, stream):
            key = _absorbed(key, np.array([word], np.uint64))
        return _absorbed(key, self.samples.cpu().numpy().view(np.uint64))


def _absorbed(key: NDArray[np.uint64], word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A key with one more word in it; one to one in the word for a given key, so words never alias."""
    return _mixed(key ^ _mixed(word + np.uint64(0x9E3779B97F4A7C15)))


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64's finaliser (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators")."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
