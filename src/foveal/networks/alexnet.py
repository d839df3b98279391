"""AlexNet: Krizhevsky et al. 2012, "ImageNet classification with deep convolutional neural networks".

`alexnet` is the published network with its two towers as two groups; `alexnet_one_tower` is the one that
torchvision calls AlexNet, after Krizhevsky 2014, arXiv:1404.5997.
Differs: sides other than 224 go through adaptive average pooling to the paper's 6×6.
"""

from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from foveal.layers import LocalResponseNorm
from foveal.networks.backbone import Backbone, Features, check_images
from foveal.networks.head import Head


class AlexNet(Backbone):
    """Five groups of layers, "conv1" to "conv5", each with the normalisation and pooling that follow it."""

    min_size = 63  # the last pooling keeps one cell
    stages = ()

    def __init__(self, in_channels: int, convs: Sequence[nn.Module], *, head_biases: float | None) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.convs = nn.ModuleDict({f"conv{n}": conv for n, conv in enumerate(convs, start=1)})
        self.head_biases = head_biases

    def forward(self, images: Tensor) -> Features:
        check_images(self, images)
        features, x = {}, images
        for name, conv in self.convs.items():
            x = conv(x)
            features[name] = x
        return features

    def parts(self) -> list[tuple[nn.Module, ...]]:
        return [(conv,) for conv in self.convs.values()]

    def head(self, num_classes: int) -> Head:
        head = AlexNetHead(num_classes)
        if self.head_biases is not None:
            initialise_as_published(head.fc6, bias=self.head_biases)
            initialise_as_published(head.fc7, bias=self.head_biases)
            initialise_as_published(head.fc8, bias=0.0)
        return head


class AlexNetHead(Head):
    """Two hidden layers of 4,096, dropout 0.5 before each, and the classifier: "conv5" -> logits (B, K)."""

    embedding_dim = 4096

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.grid = nn.AdaptiveAvgPool2d(6)
        self.flatten = nn.Flatten()
        self.dropout6 = nn.Dropout(0.5)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.relu6 = nn.ReLU()
        self.dropout7 = nn.Dropout(0.5)
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU()
        self.fc8 = nn.Linear(4096, num_classes)

    def embed(self, features: Mapping[str, Tensor]) -> Tensor:
        x = self.flatten(self.grid(features["conv5"]))
        x = self.relu6(self.fc6(self.dropout6(x)))
        return self.relu7(self.fc7(self.dropout7(x)))

    @property
    def classifier(self) -> nn.Linear:
        return self.fc8


def initialise_as_published(layer: nn.Conv2d | nn.Linear, *, bias: float) -> None:
    """Weights from N(0, 0.01²), biases constant: section 5 of the paper."""
    nn.init.normal_(layer.weight, std=0.01)
    if layer.bias is not None:
        nn.init.constant_(layer.bias, bias)


def published_conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    padding: int,
    groups: int,
    bias: float,
) -> nn.Conv2d:
    """A convolution with the paper's initial weights; `bias` is the value that its biases start at."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding, groups=groups)
    initialise_as_published(conv, bias=bias)
    return conv


def pool() -> nn.MaxPool2d:
    """The overlapping pooling of section 3.4."""
    return nn.MaxPool2d(kernel_size=3, stride=2)


def alexnet(in_channels: int = 3) -> AlexNet:
    """The published network, 60,965,224 parameters.

    Sections 3.3 to 3.5: normalisation after the ReLU of the first two convolutions; the second, fourth and
    fifth see their own tower only. Section 5: biases of those three and of the hidden layers start at 1.
    """
    return AlexNet(
        in_channels,
        [
            nn.Sequential(
                published_conv(in_channels, 96, 11, stride=4, padding=2, groups=1, bias=0.0),
                nn.ReLU(),
                LocalResponseNorm(),
                pool(),
            ),
            nn.Sequential(
                published_conv(96, 256, 5, padding=2, groups=2, bias=1.0),
                nn.ReLU(),
                LocalResponseNorm(),
                pool(),
            ),
            nn.Sequential(published_conv(256, 384, 3, padding=1, groups=1, bias=0.0), nn.ReLU()),
            nn.Sequential(published_conv(384, 384, 3, padding=1, groups=2, bias=1.0), nn.ReLU()),
            nn.Sequential(published_conv(384, 256, 3, padding=1, groups=2, bias=1.0), nn.ReLU(), pool()),
        ],
        head_biases=1.0,
    )


def alexnet_one_tower(in_channels: int = 3) -> AlexNet:
    """One tower of 64-192-384-256-256 maps without normalisation, 61,100,840 parameters.

    Differs from arXiv:1404.5997, and is as in torchvision: 256 maps in the fourth convolution, and torch's
    default initial weights.
    """
    return AlexNet(
        in_channels,
        [
            nn.Sequential(nn.Conv2d(in_channels, 64, 11, stride=4, padding=2), nn.ReLU(), pool()),
            nn.Sequential(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), pool()),
            nn.Sequential(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            nn.Sequential(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), pool()),
        ],
        head_biases=None,
    )
