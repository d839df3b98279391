"""ResNet: He et al. 2015, arXiv:1512.03385, Table 1.

The plain names are the common variant ("v1.5"): stride on the 3×3 of a bottleneck, and the last gain of each
residual branch starts at zero (Goyal et al. 2017, arXiv:1706.02677, section 5.1). `_v1` is as published:
stride on the first 1×1, all gains start at one. Convolutions start Kaiming normal over the fan-out, as the
paper's reference (He et al. 2015, arXiv:1502.01852) allows, the classifier N(0, 0.01²), as in Goyal et al.

`_d` loses less where the side halves (He et al. 2018, arXiv:1812.01187, section 4.2: ResNet-D): three 3×3
convolutions for the stem, and shortcuts that average before they project. Differs: the stem's pooling takes the
maximum at every place and averages then, because a maximum of every other place depends on where an image's edges
fall (Zhang 2019, arXiv:1904.11486, here with a filter of 2×2).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from foveal.errors import UsageError
from foveal.layers import DropPath
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head
from foveal.networks.spec import StageSpec


class ResidualBlock(nn.Module):
    """relu(residual(x) + shortcut(x))."""

    def __init__(self, residual: nn.Sequential, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.residual(x) + self.shortcut(x))


class RecomputedBlock(ResidualBlock):
    """A block of which training keeps the input alone: what is between is computed again on the way back.

    Chen et al. 2016, arXiv:1604.06174: gradient checkpointing. To the same bits: torch's generator is set back for the
    second time, and batch norms leave their running statistics alone in it.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not torch.is_grad_enabled():
            return super().forward(x)
        contexts = (nullcontext(), _statistics_kept(self))
        maps: Tensor = checkpoint(super().forward, x, use_reentrant=False, context_fn=lambda: contexts)
        return maps


@contextmanager
def _statistics_kept(block: nn.Module) -> Iterator[None]:
    """In it batch norms read their running statistics as ever, which checkpointing wants to see, and add nothing."""
    norms = [each for each in block.modules() if isinstance(each, _BatchNorm)]
    before = [(each.momentum, each.num_batches_tracked) for each in norms]
    for each in norms:
        each.momentum, each.num_batches_tracked = 0.0, None
    try:
        yield
    finally:
        for each, (momentum, count) in zip(norms, before, strict=True):
            each.momentum, each.num_batches_tracked = momentum, count


def conv_bn(
    in_channels: int, out_channels: int, kernel_size: int, *, stride: int = 1
) -> tuple[nn.Conv2d, nn.BatchNorm2d]:
    """A convolution that keeps the side (but for its stride), and its batch norm."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, kernel_size // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return conv, nn.BatchNorm2d(out_channels)


def basic_residual(in_channels: int, out_channels: int, *, stride: int, last_gain: float) -> nn.Sequential:
    """Two 3×3 convolutions: Figure 5, left."""
    first = conv_bn(in_channels, out_channels, 3, stride=stride)
    second = conv_bn(out_channels, out_channels, 3)
    nn.init.constant_(second[-1].weight, last_gain)
    return nn.Sequential(*first, nn.ReLU(), *second)


def bottleneck_residual(
    in_channels: int, out_channels: int, *, strides: tuple[int, int], last_gain: float
) -> nn.Sequential:
    """1×1, 3×3 and 1×1 convolutions: Figure 5, right; `strides` of the first two."""
    width = out_channels // 4
    first = conv_bn(in_channels, width, 1, stride=strides[0])
    second = conv_bn(width, width, 3, stride=strides[1])
    third = conv_bn(width, out_channels, 1)
    nn.init.constant_(third[-1].weight, last_gain)
    return nn.Sequential(*first, nn.ReLU(), *second, nn.ReLU(), *third)


def projection_shortcut(in_channels: int, out_channels: int, *, stride: int) -> nn.Module:
    """Option B: the identity where shapes agree, else a 1×1 convolution."""
    if stride == 1 and in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(*conv_bn(in_channels, out_channels, 1, stride=stride))


def pooled_shortcut(in_channels: int, out_channels: int, *, stride: int) -> nn.Module:
    """`projection_shortcut` in which every value counts where the side halves: Figure 2c of He et al. 2018."""
    if stride == 1:
        return projection_shortcut(in_channels, out_channels, stride=1)
    return nn.Sequential(mean_of_four(), *conv_bn(in_channels, out_channels, 1))


def mean_of_four() -> nn.AvgPool2d:
    """(B, C, H, W) -> (B, C, ⌈H/2⌉, ⌈W/2⌉): the mean of each 2×2, at an odd edge of what there is."""
    return nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)


def basic_block(in_channels: int, out_channels: int, stride: int) -> ResidualBlock:
    """The block of ResNet-18 and -34."""
    residual = basic_residual(in_channels, out_channels, stride=stride, last_gain=0.0)
    return ResidualBlock(residual, projection_shortcut(in_channels, out_channels, stride=stride))


def bottleneck(in_channels: int, out_channels: int, stride: int) -> ResidualBlock:
    """The common bottleneck ("v1.5")."""
    residual = bottleneck_residual(in_channels, out_channels, strides=(1, stride), last_gain=0.0)
    return ResidualBlock(residual, projection_shortcut(in_channels, out_channels, stride=stride))


def bottleneck_v1(in_channels: int, out_channels: int, stride: int) -> ResidualBlock:
    """The published bottleneck."""
    residual = bottleneck_residual(in_channels, out_channels, strides=(stride, 1), last_gain=1.0)
    return ResidualBlock(residual, projection_shortcut(in_channels, out_channels, stride=stride))


def basic_block_d(in_channels: int, out_channels: int, stride: int) -> ResidualBlock:
    """The basic block of ResNet-D."""
    residual = basic_residual(in_channels, out_channels, stride=stride, last_gain=0.0)
    return ResidualBlock(residual, pooled_shortcut(in_channels, out_channels, stride=stride))


def bottleneck_d(in_channels: int, out_channels: int, stride: int) -> ResidualBlock:
    """The bottleneck of ResNet-D."""
    residual = bottleneck_residual(in_channels, out_channels, strides=(1, stride), last_gain=0.0)
    return ResidualBlock(residual, pooled_shortcut(in_channels, out_channels, stride=stride))


BlockMaker = Callable[[int, int, int], ResidualBlock]
"""(in_channels, out_channels, stride) -> block."""


def residual_stage(block: BlockMaker, in_channels: int, out_channels: int, *, depth: int, stride: int) -> nn.Sequential:
    """`depth` blocks, the first of which changes channels and side."""
    first = block(in_channels, out_channels, stride)
    return nn.Sequential(first, *(block(out_channels, out_channels, 1) for _ in range(depth - 1)))


def drop_paths(network: nn.Module, rate: float) -> None:
    """Leaves out the residual branch of block l of L with probability `rate` · l / L in training, in place.

    Huang et al. 2016, arXiv:1603.09382, section 4: linear by depth. Weights keep their names. Raises UsageError for a
    network without residual blocks.
    """
    blocks = [each for each in network.modules() if isinstance(each, ResidualBlock)]
    if not blocks:
        raise UsageError(f"--drop-path {rate:g}: drops residual branches, and the network has none; take a ResNet")
    for depth, block in enumerate(blocks, start=1):
        if isinstance(block.residual[-1], DropPath):
            del block.residual[-1]  # of a module that was trained before
        block.residual.append(DropPath(rate * depth / len(blocks)))


def recompute_blocks(network: nn.Module) -> None:
    """Makes every residual block a `RecomputedBlock`, in place; weights keep their names.

    Raises UsageError for a network without residual blocks.
    """
    names = [name for name, each in network.named_modules() if isinstance(each, ResidualBlock)]
    if not names:
        raise UsageError("--gradient-checkpointing: is of residual blocks, and the network has none; take a ResNet")
    for name in names:
        block = network.get_submodule(name)
        network.set_submodule(name, RecomputedBlock(block.residual, block.shortcut))  # type: ignore[arg-type]


class ResNet(Backbone):
    """A stem of stride 2, max pooling and four stages; features "stem" and "stage1" to "stage4"."""

    min_size = 32  # the deepest map has stride 32

    def __init__(
        self,
        in_channels: int,
        block: BlockMaker,
        depths: Sequence[int],
        *,
        channels: Sequence[int],
        stem_channels: int = 64,
        deep_stem: bool = False,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stages = (
            StageSpec(name="stem", channels=stem_channels, stride=2),
            *(
                StageSpec(name=f"stage{n}", channels=width, stride=2 ** (n + 1))
                for n, width in enumerate(channels, start=1)
            ),
        )
        if deep_stem:
            half = stem_channels // 2
            first, second = conv_bn(in_channels, half, 3, stride=2), conv_bn(half, half, 3)
            third = conv_bn(half, stem_channels, 3)
            self.stem = nn.Sequential(*first, nn.ReLU(), *second, nn.ReLU(), *third, nn.ReLU())
            self.pool: nn.Module = nn.Sequential(nn.MaxPool2d(kernel_size=3, stride=1, padding=1), mean_of_four())
        else:
            self.stem = nn.Sequential(*conv_bn(in_channels, stem_channels, 7, stride=2), nn.ReLU())
            self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.stage1 = residual_stage(block, stem_channels, channels[0], depth=depths[0], stride=1)
        self.stage2 = residual_stage(block, channels[0], channels[1], depth=depths[1], stride=2)
        self.stage3 = residual_stage(block, channels[1], channels[2], depth=depths[2], stride=2)
        self.stage4 = residual_stage(block, channels[2], channels[3], depth=depths[3], stride=2)

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        stem = self.stem(images)
        stage1 = self.stage1(self.pool(stem))
        stage2 = self.stage2(stage1)
        stage3 = self.stage3(stage2)
        stage4 = self.stage4(stage3)
        return {"stem": stem, "stage1": stage1, "stage2": stage2, "stage3": stage3, "stage4": stage4}

    def parts(self) -> list[tuple[nn.Module, ...]]:
        return [(self.stem, self.stage1), (self.stage2,), (self.stage3,), (self.stage4,)]

    def dilate(self) -> None:
        """Yu & Koltun 2015, arXiv:1511.07122: stage 4 keeps the stride of stage 3, and the 3×3 convolutions of all its
        blocks but the first, which halved the side, read every other cell."""
        for index, block in enumerate(self.stage4):
            for name, module in list(block.named_modules()):
                if isinstance(module, nn.AvgPool2d):
                    block.set_submodule(name, nn.Identity())
                if isinstance(module, nn.Conv2d):
                    module.stride = (1, 1)
                if isinstance(module, nn.Conv2d) and index and module.kernel_size == (3, 3):
                    module.dilation, module.padding = (2, 2), (2, 2)
        self.stages = (*self.stages[:-1], replace(self.stages[-1], stride=self.stages[-2].stride))

    def head(self, num_classes: int) -> Head:
        return PooledLinearHead(self.stages[-1], num_classes)


class PooledLinearHead(Head):
    """Global average pooling and a linear classifier: the map of `stage` -> logits (B, K)."""

    def __init__(self, stage: StageSpec, num_classes: int) -> None:
        super().__init__()
        self.stage = stage.name
        self.embedding_dim = stage.channels
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(stage.channels, num_classes)
        nn.init.normal_(self.fc.weight, std=0.01)
        nn.init.zeros_(self.fc.bias)

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.flatten(self.pool(features[self.stage]))

    @property
    def classifier(self) -> nn.Linear:
        return self.fc


BASIC_CHANNELS = (64, 128, 256, 512)
BOTTLENECK_CHANNELS = (256, 512, 1024, 2048)
HALF_CHANNELS = (32, 64, 128, 256)


def resnet18(in_channels: int = 3) -> ResNet:
    """11,689,512 parameters."""
    return ResNet(in_channels, basic_block, (2, 2, 2, 2), channels=BASIC_CHANNELS)


def resnet34(in_channels: int = 3) -> ResNet:
    """21,797,672 parameters."""
    return ResNet(in_channels, basic_block, (3, 4, 6, 3), channels=BASIC_CHANNELS)


def resnet50(in_channels: int = 3) -> ResNet:
    """25,557,032 parameters."""
    return ResNet(in_channels, bottleneck, (3, 4, 6, 3), channels=BOTTLENECK_CHANNELS)


def resnet101(in_channels: int = 3) -> ResNet:
    """44,549,160 parameters."""
    return ResNet(in_channels, bottleneck, (3, 4, 23, 3), channels=BOTTLENECK_CHANNELS)


def resnet152(in_channels: int = 3) -> ResNet:
    """60,192,808 parameters."""
    return ResNet(in_channels, bottleneck, (3, 8, 36, 3), channels=BOTTLENECK_CHANNELS)


def resnet50_v1(in_channels: int = 3) -> ResNet:
    """25,557,032 parameters, as published."""
    return ResNet(in_channels, bottleneck_v1, (3, 4, 6, 3), channels=BOTTLENECK_CHANNELS)


def resnet101_v1(in_channels: int = 3) -> ResNet:
    """44,549,160 parameters, as published."""
    return ResNet(in_channels, bottleneck_v1, (3, 4, 23, 3), channels=BOTTLENECK_CHANNELS)


def resnet152_v1(in_channels: int = 3) -> ResNet:
    """60,192,808 parameters, as published."""
    return ResNet(in_channels, bottleneck_v1, (3, 8, 36, 3), channels=BOTTLENECK_CHANNELS)


def resnet18_d(in_channels: int = 3) -> ResNet:
    """11,708,744 parameters."""
    return ResNet(in_channels, basic_block_d, (2, 2, 2, 2), channels=BASIC_CHANNELS, deep_stem=True)


def resnet18_d_half(in_channels: int = 3) -> ResNet:
    """`resnet18_d` with half the channels: 3,058,584 parameters, and a quarter of the arithmetic."""
    return ResNet(in_channels, basic_block_d, (2, 2, 2, 2), channels=HALF_CHANNELS, stem_channels=32, deep_stem=True)


def resnet34_d(in_channels: int = 3) -> ResNet:
    """21,816,904 parameters."""
    return ResNet(in_channels, basic_block_d, (3, 4, 6, 3), channels=BASIC_CHANNELS, deep_stem=True)


def resnet50_d(in_channels: int = 3) -> ResNet:
    """25,576,264 parameters."""
    return ResNet(in_channels, bottleneck_d, (3, 4, 6, 3), channels=BOTTLENECK_CHANNELS, deep_stem=True)
