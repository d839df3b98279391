"""GoogLeNet: Szegedy et al. 2014, arXiv:1409.4842, Table 1 and Figure 3.

The paper gives neither the constants of its normalisation nor the initial weights. Chosen here: AlexNet's
constants (Krizhevsky et al. 2012, section 3.3); Kaiming normal weights over the fan-in, N(0, 0.01²) in the
classifiers, biases zero. The `_bn` variant has batch norm after every convolution of the backbone in place of
biases and of the two normalisations (Ioffe & Szegedy 2015, arXiv:1502.03167), and is otherwise the same.
Differs: the auxiliary classifiers of sides other than 224 pool to the paper's 4×4.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.layers import LocalResponseNorm
from foveal.layers.initialisation import kaiming
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head
from foveal.networks.spec import StageSpec


class Widths(NamedTuple):
    """A row of Table 1: output maps of the four branches, and of the reductions before two of them."""

    conv1: int
    reduce3: int
    conv3: int
    reduce5: int
    conv5: int
    pool: int

    @property
    def total(self) -> int:
        return self.conv1 + self.conv3 + self.conv5 + self.pool


WIDTHS = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}

Unit = Callable[..., nn.Sequential]
"""(in_channels, out_channels, kernel_size, stride=1) -> a convolution that keeps the side, and its ReLU."""


def conv_relu(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Convolution with bias and ReLU, as published."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2), nn.ReLU())


def conv_bn_relu(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm and ReLU."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels), nn.ReLU())


def pool() -> nn.MaxPool2d:
    """3×3 max pooling of stride 2 that keeps a last partial window: 112 → 56 → 28 → 14 → 7."""
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


class Inception(nn.Module):
    """Four branches side by side, their maps concatenated: Figure 2b."""

    def __init__(self, in_channels: int, widths: Widths, *, unit: Unit) -> None:
        super().__init__()
        self.branch1 = unit(in_channels, widths.conv1, 1)
        self.branch3 = nn.Sequential(unit(in_channels, widths.reduce3, 1), unit(widths.reduce3, widths.conv3, 3))
        self.branch5 = nn.Sequential(unit(in_channels, widths.reduce5, 1), unit(widths.reduce5, widths.conv5, 5))
        self.branch_pool = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1), unit(in_channels, widths.pool, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch3(x), self.branch5(x), self.branch_pool(x)], dim=1)


class GoogLeNet(Backbone):
    """Features "stage1" to "stage5", and "4a" and "4d" for the auxiliary classifiers."""

    min_size = 31  # the last pooling has two cells to pool
    stages = (
        StageSpec(name="stage1", channels=64, stride=2),
        StageSpec(name="stage2", channels=192, stride=4),
        StageSpec(name="stage3", channels=480, stride=8),
        StageSpec(name="stage4", channels=832, stride=16),
        StageSpec(name="stage5", channels=1024, stride=32),
    )

    def __init__(self, in_channels: int, *, unit: Unit, norm: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.conv1 = unit(in_channels, 64, 7, 2)
        self.pool1 = pool()
        self.norm1 = norm()
        self.conv2 = nn.Sequential(unit(64, 64, 1), unit(64, 192, 3))
        self.norm2 = norm()
        self.pool2 = pool()
        self.inception3 = inceptions(192, "3a", "3b", unit=unit)
        self.pool3 = pool()
        self.inception4a = inceptions(480, "4a", unit=unit)
        self.inception4d = inceptions(512, "4b", "4c", "4d", unit=unit)
        self.inception4e = inceptions(528, "4e", unit=unit)
        self.pool4 = pool()
        self.inception5 = inceptions(832, "5a", "5b", unit=unit)
        self.apply(kaiming)

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        stage1 = self.conv1(images)
        stage2 = self.norm2(self.conv2(self.norm1(self.pool1(stage1))))
        stage3 = self.inception3(self.pool2(stage2))
        map4a = self.inception4a(self.pool3(stage3))
        map4d = self.inception4d(map4a)
        stage4 = self.inception4e(map4d)
        stage5 = self.inception5(self.pool4(stage4))
        return {
            "stage1": stage1,
            "stage2": stage2,
            "stage3": stage3,
            "4a": map4a,
            "4d": map4d,
            "stage4": stage4,
            "stage5": stage5,
        }

    def parts(self) -> list[tuple[nn.Module, ...]]:
        fourth = (self.inception4a, self.inception4d, self.inception4e)
        return [(self.conv1,), (self.conv2,), (self.inception3,), fourth, (self.inception5,)]

    def head(self, num_classes: int) -> Head:
        return GoogLeNetHead(num_classes)


class AuxiliaryHead(nn.Module):
    """The side classifier of section 5: (B, C, H, W) -> logits (B, K)."""

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = conv_relu(in_channels, 128, 1)
        self.hidden = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.7)
        self.fc = nn.Linear(1024, num_classes)
        self.apply(kaiming)
        nn.init.normal_(self.fc.weight, std=0.01)

    def forward(self, maps: Tensor) -> Tensor:
        pooled = self.conv(pool_to_4x4(maps))
        hidden = self.dropout(self.relu(self.hidden(pooled.flatten(1))))
        return self.fc(hidden)


def pool_to_4x4(maps: Tensor) -> Tensor:
    """The paper's 5×5 average of stride 3, which makes 14×14 maps 4×4; other sides are pooled on to 4×4."""
    if min(maps.shape[-2:]) >= 5:
        maps = F.avg_pool2d(maps, kernel_size=5, stride=3)
    return F.adaptive_avg_pool2d(maps, 4)


class GoogLeNetHead(Head):
    """Global average pooling, dropout 0.4 and a linear classifier: "stage5" -> logits (B, K).

    In training also "aux1" and "aux2" (B, K), from "4a" and "4d"; the paper weighs their losses by 0.3 each.
    """

    embedding_dim = 1024

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.dropout = nn.Dropout(0.4)
        self.fc = nn.Linear(1024, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)
        self.aux1 = AuxiliaryHead(512, num_classes)
        self.aux2 = AuxiliaryHead(528, num_classes)

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.dropout(self.flatten(self.pool(features["stage5"])))

    @property
    def classifier(self) -> nn.Linear:
        return self.fc

    def forward(self, features: Mapping[str, Tensor]) -> dict[str, Tensor]:
        outputs = super().forward(features)
        if not self.training:
            return outputs
        return {**outputs, "aux1": self.aux1(features["4a"]), "aux2": self.aux2(features["4d"])}


def inceptions(in_channels: int, *names: str, unit: Unit) -> nn.Sequential:
    """The blocks of Table 1 with these names, one after the other."""
    blocks = []
    for name in names:
        blocks.append(Inception(in_channels, WIDTHS[name], unit=unit))
        in_channels = WIDTHS[name].total
    return nn.Sequential(*blocks)


def googlenet(in_channels: int = 3) -> GoogLeNet:
    """The published network: 6,998,552 parameters, 13,378,280 with the auxiliary heads."""
    return GoogLeNet(in_channels, unit=conv_relu, norm=LocalResponseNorm)


def googlenet_bn(in_channels: int = 3) -> GoogLeNet:
    """7,005,832 parameters, 13,385,560 with the auxiliary heads."""
    return GoogLeNet(in_channels, unit=conv_bn_relu, norm=nn.Identity)
