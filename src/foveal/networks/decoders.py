"""Decoders: from a backbone's stages to the classes of every pixel. K classes; the output is as large as the image.

U-Net: Ronneberger et al. 2015, arXiv:1505.04597, on the backbone's stages, with one convolution more where a finer map
joins. FPN: Kirillov et al. 2019, arXiv:1901.02446. Differs: batch norm after each convolution, and the last step to the
image's size is bilinear, from a half (U-Net) or a quarter (FPN) of it.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.errors import ModelError
from foveal.networks.backbone import Backbone
from foveal.networks.build import Network
from foveal.networks.deeplab import DeepLabV3PlusDecoder
from foveal.networks.resnet import conv_bn
from foveal.networks.spec import StageSpec


class UNetDecoder(nn.Module):
    """Maps of the stages -> K maps of the finest one's size: doubled and joined from the coarsest to the finest."""

    def __init__(self, stages: Sequence[StageSpec], num_classes: int, *, channels: int) -> None:
        super().__init__()
        self.names = tuple(stage.name for stage in stages)
        widths = [max(16, channels >> level) for level in range(len(stages) - 1)]  # from the coarsest on
        inputs = [stages[-1].channels, *widths[:-1]]
        finer = [stage.channels for stage in reversed(stages[:-1])]
        self.steps = nn.ModuleList(
            nn.Sequential(*conv_bn(coarse + fine, width, 3), nn.ReLU(), *conv_bn(width, width, 3), nn.ReLU())
            for coarse, fine, width in zip(inputs, finer, widths, strict=True)
        )
        self.last = nn.Conv2d(widths[-1], num_classes, 1)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        maps = features[self.names[-1]]
        for step, name in zip(self.steps, reversed(self.names[:-1]), strict=True):
            finer = features[name]
            maps = step(torch.cat([F.interpolate(maps, size=finer.shape[2:], mode="nearest"), finer], dim=1))
        logits: Tensor = self.last(maps)
        return logits


class FPNDecoder(nn.Module):
    """Maps of the stages from stride 4 on -> K maps of stride 4: a pyramid, whose levels are brought to one size and
    added."""

    def __init__(self, stages: Sequence[StageSpec], num_classes: int, *, channels: int) -> None:
        super().__init__()
        stages = [stage for stage in stages if stage.stride >= 4]
        self.names = tuple(stage.name for stage in stages)
        self.lateral = nn.ModuleList(nn.Conv2d(stage.channels, channels, 1) for stage in stages)
        width = channels // 2
        self.levels = nn.ModuleList(nn.Sequential(*conv_bn(channels, width, 3), nn.ReLU()) for _ in stages)
        self.last = nn.Conv2d(width, num_classes, 1)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        maps = [lateral(features[name]) for lateral, name in zip(self.lateral, self.names, strict=True)]
        for level in range(len(maps) - 2, -1, -1):
            maps[level] = maps[level] + F.interpolate(maps[level + 1], size=maps[level].shape[2:], mode="nearest")
        size = maps[0].shape[2:]
        levels = [level(each) for level, each in zip(self.levels, maps, strict=True)]
        same = [each if each.shape[2:] == size else _larger(each, size) for each in levels]
        logits: Tensor = self.last(torch.stack(same).sum(dim=0))
        return logits


class Segmenter(Network):
    """Images (B, C, H, W) -> {"logits": (B, K, H, W)}."""

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        logits = self.head(self.backbone(images))
        return {"logits": _larger(logits, images.shape[2:])}


MOST_CHANNELS = 256
DECODERS: dict[str, Callable[..., nn.Module]] = {
    "unet": UNetDecoder,
    "fpn": FPNDecoder,
    "deeplabv3plus": DeepLabV3PlusDecoder,
}


def segmenter(backbone: Backbone, num_classes: int, *, decoder: str, channels: int | None = None) -> Segmenter:
    """channels: of the decoder's coarsest maps; None: half of the backbone's coarsest, at most 256.

    Raises ModelError for a backbone without stages.
    """
    if len(backbone.stages) < 2:
        raise ModelError(
            f"{type(backbone).__name__} can't carry a segmentation: its maps fit no pyramid (`foveal models` lists the "
            "stages)"
        )
    if decoder == "deeplabv3plus":
        backbone.dilate()  # a coarsest map of stride 16: section 3.1 of its paper
    width = channels or min(MOST_CHANNELS, backbone.stages[-1].channels // 2)
    return Segmenter(backbone, DECODERS[decoder](backbone.stages, num_classes, channels=width))


def _larger(maps: Tensor, size: Sequence[int]) -> Tensor:
    return F.interpolate(maps, size=tuple(size), mode="bilinear", align_corners=False)
