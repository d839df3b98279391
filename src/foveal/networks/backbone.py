"""What every backbone of the index is, and the check of what goes into one."""

from collections.abc import Callable

from torch import Tensor, jit, nn

from foveal.errors import ModelError
from foveal.networks.head import Head
from foveal.networks.spec import StageSpec

Features = dict[str, Tensor]
"""Feature maps (B, C, H, W) by name, from the input to the output; the last is the deepest."""


class Backbone(nn.Module):
    """The interface of a backbone: images (B, C, H, W) -> `Features`, and the head of its paper.

    A subclass sets `in_channels`, `min_size` and `stages`, and calls `check_images` first in its forward.
    """

    in_channels: int
    min_size: int
    """Smallest side, in pixels."""
    stages: tuple[StageSpec, ...]
    """The features that fit a pyramid, from the finest to the coarsest; each named as in `Features`."""

    def initialise_from(self, images: Callable[[], Tensor]) -> None:
        """Sets the weights that follow from the data, where there are such; `images()` gives some (B, C, H, W)."""

    def parts(self) -> list[tuple[nn.Module, ...]]:
        """The stages in the order in which they compute, the stem with the first: each the modules that it is made of.

        Freezing and the learning rates of fine-tuning count them.
        """
        raise NotImplementedError

    def dilate(self) -> None:
        """Halves the stride of the coarsest stage, where the network can, and widens its kernels' reach instead."""

    def forward(self, images: Tensor) -> Features:
        raise NotImplementedError

    def head(self, num_classes: int) -> Head:
        """The paper's head."""
        raise NotImplementedError


def check_images(backbone: Backbone, images: Tensor) -> None:
    """Raises ModelError where `images` can't pass through; while tracing there is nothing to compare."""
    if jit.is_tracing():
        return
    if images.ndim != 4:
        raise ModelError(
            f"the network takes images (B, {backbone.in_channels}, H, W); got the shape {tuple(images.shape)}"
        )
    _, channels, height, width = images.shape
    if channels != backbone.in_channels:
        raise ModelError(
            f"the network takes images with {backbone.in_channels} channel(s); "
            f"got {channels}, the shape {tuple(images.shape)}"
        )
    if height < backbone.min_size or width < backbone.min_size:
        raise ModelError(
            f"the network takes images of at least {backbone.min_size}×{backbone.min_size} pixels; "
            f"got {height}×{width} (height×width); resize them, or choose another network"
        )
