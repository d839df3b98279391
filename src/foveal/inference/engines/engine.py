"""What an engine is made of, and what it is. B batch."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from foveal.answers.answer import Outputs
from foveal.contract import Contract
from foveal.inference.artefacts import artefact_folder
from foveal.preprocess import Preprocess

if TYPE_CHECKING:
    import torch
    from torch import nn

BATCH_SIZE = 32


@dataclass(frozen=True, kw_only=True)
class Source:
    """A trained network, for engines to be made of."""

    contract: Contract
    network: "nn.Module"
    """On `device`, channels-last, in float32 and in evaluation mode: what every engine has to agree with."""
    device: "torch.device"

    @property
    def preprocess(self) -> Preprocess:
        """From a decoded image to the network's input."""
        return self.contract.preprocess

    @cached_property
    def folder(self) -> Path | None:
        """Where converted models are cached; None caches nothing."""
        return artefact_folder(self.network, self.contract)


class Engine(Protocol):
    """A way to compute a network's outputs: decoded images (B, H, W, C) uint8 -> outputs in float32."""

    name: str
    """A key of `ENGINES`."""
    precision: str
    """"float32" or "bfloat16"."""
    batch_size: int
    """Images to give to `run` at once."""

    @property
    def streams(self) -> int:
        """How many threads `run` wants to be called from at the same time."""

    def run_one(self, images_u8: np.ndarray) -> Outputs:
        """Of a batch of one image, as soon as possible."""

    def run(self, images_u8: np.ndarray) -> Outputs:
        """Of any batch, the most images a second; safe to call from several threads."""
