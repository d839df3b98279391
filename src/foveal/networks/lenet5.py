"""LeNet-5: LeCun et al. 1998, "Gradient-based learning applied to document recognition", section II.B.

Differs: sides other than 32 go through adaptive average pooling of S4 to the paper's 5×5; class counts other
than ten have codes that are no bitmaps (`foveal.layers.separated_codes`). Logits are -y, the negative squared
distances of the output units, so that the nearest code has the largest.
"""

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from foveal.layers import (
    LENET5_C3_MAPS,
    EuclideanRBF,
    PartialConv2d,
    ScaledTanh,
    Subsampling,
    output_codes,
)
from foveal.layers.initialisation import lecun_uniform_
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head


class LeNet5(Backbone):
    """C1 to C5, each squashed by 1.7159 tanh(2x/3)."""

    min_size = 16  # S4 keeps one cell
    stages = ()

    def __init__(self, in_channels: int = 1) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.c1 = lecun_conv2d(in_channels, 6)
        self.squash1 = ScaledTanh()
        self.s2 = Subsampling(6)
        self.squash2 = ScaledTanh()
        self.c3 = PartialConv2d(6, LENET5_C3_MAPS, kernel_size=5)
        self.squash3 = ScaledTanh()
        self.s4 = Subsampling(16)
        self.squash4 = ScaledTanh()
        self.grid = nn.AdaptiveAvgPool2d(5)
        self.c5 = lecun_conv2d(16, 120)
        self.squash5 = ScaledTanh()

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        c1 = self.squash1(self.c1(images))
        s2 = self.squash2(self.s2(c1))
        c3 = self.squash3(self.c3(s2))
        s4 = self.squash4(self.s4(c3))
        c5 = self.squash5(self.c5(self.grid(s4)))
        return {"c1": c1, "s2": s2, "c3": c3, "s4": s4, "c5": c5}

    def parts(self) -> list[tuple[nn.Module, ...]]:
        return [(self.c1, self.s2), (self.c3, self.s4), (self.c5,)]

    def head(self, num_classes: int) -> Head:
        return LeNet5Head(num_classes)


class LeNet5Head(Head):
    """F6 and the Euclidean output units: "c5" (B, 120, 1, 1) -> logits -y (B, K)."""

    embedding_dim = 84

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.flatten = nn.Flatten()
        self.f6 = nn.Linear(120, 84)
        lecun_uniform_(self.f6.weight, fan_in=120)
        lecun_uniform_(self.f6.bias, fan_in=120)
        self.squash = ScaledTanh()
        self.rbf = EuclideanRBF(output_codes(num_classes))

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.squash(self.f6(self.flatten(features["c5"])))

    @property
    def classifier(self) -> Callable[[Tensor], Tensor]:
        return lambda f6: -self.rbf(f6)


def lecun_conv2d(in_channels: int, out_channels: int) -> nn.Conv2d:
    """A valid 5×5 convolution with the paper's initial weights."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=5)
    lecun_uniform_(conv.weight, fan_in=in_channels * 25)
    if conv.bias is not None:
        lecun_uniform_(conv.bias, fan_in=in_channels * 25)
    return conv


def lenet5(in_channels: int = 1) -> LeNet5:
    """60,000 parameters with one channel."""
    return LeNet5(in_channels)
