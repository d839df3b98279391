"""The CIFAR ResNets: He et al. 2015, arXiv:1512.03385, section 4.2: 6n + 2 layers, option A shortcuts.

The paper trains on all 50,000 images and reports on the test set; select on held-out training data instead.
Initial weights as in `foveal.networks.resnet`, all gains one.
"""

from torch import Tensor, nn

from foveal.layers import PadShortcut
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head
from foveal.networks.resnet import PooledLinearHead, ResidualBlock, basic_residual, conv_bn, residual_stage
from foveal.networks.spec import StageSpec


def option_a_block(in_channels: int, out_channels: int, stride: int) -> ResidualBlock:
    """Two 3×3 convolutions and a shortcut without parameters."""
    residual = basic_residual(in_channels, out_channels, stride=stride, last_gain=1.0)
    same = stride == 1 and in_channels == out_channels
    return ResidualBlock(residual, nn.Identity() if same else PadShortcut(out_channels, stride=stride))


class ResNetCIFAR(Backbone):
    """A 3×3 stem without pooling and three stages of `depth` blocks; features "stage1" to "stage3"."""

    min_size = 4  # the deepest map has stride 4
    stages = (
        StageSpec(name="stage1", channels=16, stride=1),
        StageSpec(name="stage2", channels=32, stride=2),
        StageSpec(name="stage3", channels=64, stride=4),
    )

    def __init__(self, in_channels: int, depth: int) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.stem = nn.Sequential(*conv_bn(in_channels, 16, 3), nn.ReLU())
        self.stage1 = residual_stage(option_a_block, 16, 16, depth=depth, stride=1)
        self.stage2 = residual_stage(option_a_block, 16, 32, depth=depth, stride=2)
        self.stage3 = residual_stage(option_a_block, 32, 64, depth=depth, stride=2)

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        stage1 = self.stage1(self.stem(images))
        stage2 = self.stage2(stage1)
        stage3 = self.stage3(stage2)
        return {"stage1": stage1, "stage2": stage2, "stage3": stage3}

    def parts(self) -> list[tuple[nn.Module, ...]]:
        return [(self.stem, self.stage1), (self.stage2,), (self.stage3,)]

    def head(self, num_classes: int) -> Head:
        return PooledLinearHead(self.stages[-1], num_classes)


def resnet20_cifar(in_channels: int = 3) -> ResNetCIFAR:
    """n = 3, 269,722 parameters."""
    return ResNetCIFAR(in_channels, 3)


def resnet32_cifar(in_channels: int = 3) -> ResNetCIFAR:
    """n = 5, 464,154 parameters."""
    return ResNetCIFAR(in_channels, 5)


def resnet44_cifar(in_channels: int = 3) -> ResNetCIFAR:
    """n = 7, 658,586 parameters."""
    return ResNetCIFAR(in_channels, 7)


def resnet56_cifar(in_channels: int = 3) -> ResNetCIFAR:
    """n = 9, 853,018 parameters."""
    return ResNetCIFAR(in_channels, 9)


def resnet110_cifar(in_channels: int = 3) -> ResNetCIFAR:
    """n = 18, 1,727,962 parameters."""
    return ResNetCIFAR(in_channels, 18)
