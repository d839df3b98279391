"""The ImageNet weights that torchvision publishes, by network: where they lie, and how their SHA-256 begins.

Of the two sets for ResNet-50, -101 and -152 the first (IMAGENET1K_V1), which all networks have: losses and label
smoothing that do better on ImageNet leave features that transfer less well (Kornblith et al. 2020, arXiv:2010.16402).
"""

from foveal.errors import ModelError

BASE = "https://download.pytorch.org/models/"
FILES = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet34": "resnet34-b627a593.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "resnet101": "resnet101-63fe2227.pth",
    "resnet152": "resnet152-394f9c45.pth",
    "vgg11": "vgg11-8a719046.pth",
    "vgg13": "vgg13-19584684.pth",
    "vgg16": "vgg16-397923af.pth",
    "vgg19": "vgg19-dcbb9e9d.pth",
    "vgg11_bn": "vgg11_bn-6002323d.pth",
    "vgg13_bn": "vgg13_bn-abd245e5.pth",
    "vgg16_bn": "vgg16_bn-6c64b313.pth",
    "vgg19_bn": "vgg19_bn-c79401a0.pth",
    "alexnet_one_tower": "alexnet-owt-7be5be79.pth",
}
"""torchvision/models/resnet.py, vgg.py and alexnet.py of torchvision 0.28. Eight digits of the hash end each name."""
DEFAULT = "resnet18"
"""The smallest residual network of them."""
LICENCE = (
    "torchvision publishes these weights without a licence of their own: it says that they may have terms derived from "
    "the data they were trained on, and that it is for you to determine whether your use is permitted. That data is "
    "ImageNet, given for non-commercial research and education only"
)
"""After "Pre-trained Model License" in torchvision's README, and ImageNet's terms of access."""


def published(network: str) -> tuple[str, str]:
    """The address of a network's weights, and the first digits of their SHA-256.

    Raises ModelError for a network that has none.
    """
    if network not in FILES:
        raise ModelError(
            f"there are no ImageNet weights for {network}, whose layers are not those of a published network; "
            f"there are for {', '.join(FILES)} (--model)"
        )
    name = FILES[network]
    return BASE + name, name.removesuffix(".pth").rpartition("-")[2]
