"""A network made to be trained fast on small images, after airbench94: Jordan 2024, arXiv:2404.00498, section 3.

A whitening layer that is computed and not learned, then three blocks of two 3×3 convolutions; each block halves the
side before its first norm, so that all that is no convolution works on a quarter of the cells.
Differs: the gains of the norms are learned, any side is pooled to one cell at the end, and the classifier starts small
in place of its division by 256.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from foveal.layers.initialisation import dirac_start, whitening_filters
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head

KERNEL = 2  # side of the whitened patches
NORM_MOMENTUM = 0.4
"""Of the running statistics: runs of a few hundred steps leave no time for a slow average."""


def block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Convolution, pooling, norm, GELU; convolution, norm, GELU."""
    return nn.Sequential(
        dirac_start(nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(out_channels, momentum=NORM_MOMENTUM),
        nn.GELU(),
        dirac_start(nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)),
        nn.BatchNorm2d(out_channels, momentum=NORM_MOMENTUM),
        nn.GELU(),
    )


class FastNet(Backbone):
    """A fixed whitening layer and three blocks; features "stage1" to "stage3", whose sides fit no pyramid."""

    min_size = 9  # one cell is left after the whitening and three halvings
    stages = ()

    def __init__(self, in_channels: int, widths: tuple[int, int, int]) -> None:
        super().__init__()
        self.in_channels = in_channels
        whitened = 2 * in_channels * KERNEL**2
        self.whitening = nn.Conv2d(in_channels, whitened, KERNEL)
        self.whitening.weight.requires_grad_(False)
        self.gelu = nn.GELU()
        self.stage1 = block(whitened, widths[0])
        self.stage2 = block(widths[0], widths[1])
        self.stage3 = block(widths[1], widths[2])
        self.out_channels = widths[2]

    def initialise_from(self, images: Callable[[], Tensor]) -> None:
        with torch.no_grad():
            self.whitening.weight.copy_(whitening_filters(images(), KERNEL))

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        stage1 = self.stage1(self.gelu(self.whitening(images)))
        stage2 = self.stage2(stage1)
        stage3 = self.stage3(stage2)
        return {"stage1": stage1, "stage2": stage2, "stage3": stage3}

    def parts(self) -> list[tuple[nn.Module, ...]]:
        return [(self.whitening, self.stage1), (self.stage2,), (self.stage3,)]

    def head(self, num_classes: int) -> Head:
        return MaxPooledLinearHead(self.out_channels, num_classes)


class MaxPooledLinearHead(Head):
    """Global max pooling and a linear classifier: "stage3" -> logits (B, K)."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.embedding_dim = in_channels
        self.pool = nn.AdaptiveMaxPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(in_channels, num_classes, bias=False)
        nn.init.normal_(self.fc.weight, std=1 / in_channels)

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.flatten(self.pool(features["stage3"]))

    @property
    def classifier(self) -> nn.Linear:
        return self.fc


def fastnet(in_channels: int = 3) -> FastNet:
    """1,972,792 parameters, 300 of them fixed."""
    return FastNet(in_channels, (64, 256, 256))
