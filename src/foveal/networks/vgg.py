"""VGG: Simonyan & Zisserman 2014, arXiv:1409.1556, Table 1, columns A (11), B (13), D (16) and E (19).

Differs: sides other than 224 go through adaptive average pooling to the paper's 7×7. Initial weights are
Kaiming normal (He et al. 2015, arXiv:1502.01852) and N(0, 0.01²) in the classifier, biases zero, so that all
depths train from scratch; the paper started the deeper ones from a trained network A, and found later
(section 3.1) that Glorot's initialisation makes that unnecessary. The `_bn` variants normalise each
convolution (Ioffe & Szegedy 2015, arXiv:1502.03167), which the paper doesn't.
"""

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn

from foveal.layers.initialisation import kaiming
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head
from foveal.networks.spec import StageSpec

CHANNELS = (64, 128, 256, 512, 512)
STRIDES = (2, 4, 8, 16, 32)


def conv_relu(in_channels: int, out_channels: int) -> list[nn.Module]:
    """3×3 convolution and ReLU."""
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.ReLU()]


def conv_bn_relu(in_channels: int, out_channels: int) -> list[nn.Module]:
    """3×3 convolution, batch norm and ReLU; the convolution keeps its bias, as in the published weights."""
    return [nn.Conv2d(in_channels, out_channels, 3, padding=1), nn.BatchNorm2d(out_channels), nn.ReLU()]


class VGG(Backbone):
    """Five stages, each of some 3×3 convolutions and a 2×2 max pooling; `depths` counts the convolutions."""

    min_size = 32
    stages = tuple(
        StageSpec(name=f"stage{n}", channels=channels, stride=stride)
        for n, (channels, stride) in enumerate(zip(CHANNELS, STRIDES, strict=True), start=1)
    )

    def __init__(self, in_channels: int, depths: Sequence[int], *, unit: Callable[[int, int], list[nn.Module]]) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.blocks = nn.ModuleDict()
        for stage, depth in zip(self.stages, depths, strict=True):
            layers: list[nn.Module] = []
            for _ in range(depth):
                layers += unit(in_channels, stage.channels)
                in_channels = stage.channels
            self.blocks[stage.name] = nn.Sequential(*layers, nn.MaxPool2d(2))
        self.apply(kaiming)

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        features, x = {}, images
        for name, block in self.blocks.items():
            x = block(x)
            features[name] = x
        return features

    def parts(self) -> list[tuple[nn.Module, ...]]:
        return [(block,) for block in self.blocks.values()]

    def head(self, num_classes: int) -> Head:
        return VGGHead(num_classes)


class VGGHead(Head):
    """Two hidden layers of 4,096, dropout 0.5 after each, and the classifier: "stage5" -> logits (B, K)."""

    embedding_dim = 4096

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.grid = nn.AdaptiveAvgPool2d(7)
        self.flatten = nn.Flatten()
        self.fc6 = nn.Linear(512 * 7 * 7, 4096)
        self.relu6 = nn.ReLU()
        self.dropout6 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU()
        self.dropout7 = nn.Dropout(0.5)
        self.fc8 = nn.Linear(4096, num_classes)
        self.apply(kaiming)
        nn.init.normal_(self.fc8.weight, std=0.01)

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        x = self.flatten(self.grid(features["stage5"]))
        x = self.dropout6(self.relu6(self.fc6(x)))
        return self.dropout7(self.relu7(self.fc7(x)))

    @property
    def classifier(self) -> nn.Linear:
        return self.fc8


def vgg11(in_channels: int = 3) -> VGG:
    """Column A, 132,863,336 parameters."""
    return VGG(in_channels, (1, 1, 2, 2, 2), unit=conv_relu)


def vgg13(in_channels: int = 3) -> VGG:
    """Column B, 133,047,848 parameters."""
    return VGG(in_channels, (2, 2, 2, 2, 2), unit=conv_relu)


def vgg16(in_channels: int = 3) -> VGG:
    """Column D, 138,357,544 parameters."""
    return VGG(in_channels, (2, 2, 3, 3, 3), unit=conv_relu)


def vgg19(in_channels: int = 3) -> VGG:
    """Column E, 143,667,240 parameters."""
    return VGG(in_channels, (2, 2, 4, 4, 4), unit=conv_relu)


def vgg11_bn(in_channels: int = 3) -> VGG:
    """Column A with batch norm."""
    return VGG(in_channels, (1, 1, 2, 2, 2), unit=conv_bn_relu)


def vgg13_bn(in_channels: int = 3) -> VGG:
    """Column B with batch norm."""
    return VGG(in_channels, (2, 2, 2, 2, 2), unit=conv_bn_relu)


def vgg16_bn(in_channels: int = 3) -> VGG:
    """Column D with batch norm."""
    return VGG(in_channels, (2, 2, 3, 3, 3), unit=conv_bn_relu)


def vgg19_bn(in_channels: int = 3) -> VGG:
    """Column E with batch norm."""
    return VGG(in_channels, (2, 2, 4, 4, 4), unit=conv_bn_relu)
