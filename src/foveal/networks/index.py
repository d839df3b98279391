"""One line a network, grouped by paper. Nothing here is computed: tests hold it against the built modules."""

from functools import partial

from foveal.networks.spec import Needs, NetworkSpec, StageSpec


def _stages(*rows: tuple[str, int, int]) -> tuple[StageSpec, ...]:
    return tuple(StageSpec(name=name, channels=channels, stride=stride) for name, channels, stride in rows)


_VGG = partial(
    NetworkSpec,
    paper="Simonyan & Zisserman 2014, arXiv:1409.1556",
    title="Very Deep Convolutional Networks for Large-Scale Image Recognition",
    size=224,
    needs=Needs(min_size=32, one_size=True, rates="plain"),
    stages=_stages(("stage1", 64, 2), ("stage2", 128, 4), ("stage3", 256, 8), ("stage4", 512, 16), ("stage5", 512, 32)),
)
_GOOGLENET = partial(
    NetworkSpec,
    auxiliary_parameters=6_379_728,
    size=224,
    stages=_stages(
        ("stage1", 64, 2), ("stage2", 192, 4), ("stage3", 480, 8), ("stage4", 832, 16), ("stage5", 1024, 32)
    ),
)
_RESNET = partial(
    NetworkSpec,
    paper="He et al. 2015, arXiv:1512.03385",
    title="Deep Residual Learning for Image Recognition",
    size=224,
    needs=Needs(min_size=32),
    stages=_stages(("stem", 64, 2), ("stage1", 64, 4), ("stage2", 128, 8), ("stage3", 256, 16), ("stage4", 512, 32)),
)
_RESNET_BOTTLENECK = partial(
    _RESNET,
    stages=_stages(("stem", 64, 2), ("stage1", 256, 4), ("stage2", 512, 8), ("stage3", 1024, 16), ("stage4", 2048, 32)),
)
_BAG_OF_TRICKS = "Bag of Tricks for Image Classification with Convolutional Neural Networks"
_RESNET_D = partial(_RESNET, paper="He et al. 2018, arXiv:1812.01187", title=_BAG_OF_TRICKS)
_RESNET_D_BOTTLENECK = partial(_RESNET_BOTTLENECK, paper="He et al. 2018, arXiv:1812.01187", title=_BAG_OF_TRICKS)
_RESNET_CIFAR = partial(
    _RESNET,
    num_classes=10,
    size=32,
    needs=Needs(min_size=4),
    stages=_stages(("stage1", 16, 1), ("stage2", 32, 2), ("stage3", 64, 4)),
)

_SPECS = (
    NetworkSpec(
        name="lenet5",
        builder="foveal.networks.lenet5:lenet5",
        paper="LeCun et al. 1998, Proceedings of the IEEE 86(11)",
        title="Gradient-Based Learning Applied to Document Recognition",
        parameters=60_000,
        num_classes=10,
        in_channels=1,
        size=32,
        needs=Needs(
            min_size=16,
            own_size=32,
            pads_from=20,  # digits, which the paper centres in it
            one_size=True,
            input_statistics=(0.1 / 1.275, 1 / 1.275),  # black -0.1, white 1.175: section II.B
            classes_only=True,
            loss="lenet5_map",
            rates="distances",
            bfloat16=False,
        ),
    ),
    NetworkSpec(
        name="alexnet",
        builder="foveal.networks.alexnet:alexnet",
        paper="Krizhevsky et al. 2012, NIPS 25",
        title="ImageNet Classification with Deep Convolutional Neural Networks",
        parameters=60_965_224,
        size=224,
        needs=Needs(min_size=63, one_size=True, rates="plain"),
    ),
    NetworkSpec(
        name="alexnet_one_tower",
        builder="foveal.networks.alexnet:alexnet_one_tower",
        paper="Krizhevsky 2014, arXiv:1404.5997",
        title="One weird trick for parallelizing convolutional neural networks",
        parameters=61_100_840,
        size=224,
        needs=Needs(min_size=63, one_size=True, rates="plain"),
    ),
    _VGG(name="vgg11", builder="foveal.networks.vgg:vgg11", parameters=132_863_336),
    _VGG(name="vgg13", builder="foveal.networks.vgg:vgg13", parameters=133_047_848),
    _VGG(name="vgg16", builder="foveal.networks.vgg:vgg16", parameters=138_357_544),
    _VGG(name="vgg19", builder="foveal.networks.vgg:vgg19", parameters=143_667_240),
    _VGG(name="vgg11_bn", builder="foveal.networks.vgg:vgg11_bn", parameters=132_868_840),
    _VGG(name="vgg13_bn", builder="foveal.networks.vgg:vgg13_bn", parameters=133_053_736),
    _VGG(name="vgg16_bn", builder="foveal.networks.vgg:vgg16_bn", parameters=138_365_992),
    _VGG(name="vgg19_bn", builder="foveal.networks.vgg:vgg19_bn", parameters=143_678_248),
    _GOOGLENET(
        name="googlenet",
        builder="foveal.networks.googlenet:googlenet",
        paper="Szegedy et al. 2014, arXiv:1409.4842",
        title="Going Deeper with Convolutions",
        parameters=6_998_552,
        needs=Needs(min_size=31, rates="plain"),
    ),
    _GOOGLENET(
        name="googlenet_bn",
        builder="foveal.networks.googlenet:googlenet_bn",
        paper="Szegedy et al. 2014, arXiv:1409.4842, with Ioffe & Szegedy 2015, arXiv:1502.03167",
        title="Going Deeper with Convolutions",
        parameters=7_005_832,
        needs=Needs(min_size=31),
    ),
    _RESNET(name="resnet18", builder="foveal.networks.resnet:resnet18", parameters=11_689_512),
    _RESNET(name="resnet34", builder="foveal.networks.resnet:resnet34", parameters=21_797_672),
    _RESNET_BOTTLENECK(name="resnet50", builder="foveal.networks.resnet:resnet50", parameters=25_557_032),
    _RESNET_BOTTLENECK(name="resnet101", builder="foveal.networks.resnet:resnet101", parameters=44_549_160),
    _RESNET_BOTTLENECK(name="resnet152", builder="foveal.networks.resnet:resnet152", parameters=60_192_808),
    _RESNET_BOTTLENECK(name="resnet50_v1", builder="foveal.networks.resnet:resnet50_v1", parameters=25_557_032),
    _RESNET_BOTTLENECK(name="resnet101_v1", builder="foveal.networks.resnet:resnet101_v1", parameters=44_549_160),
    _RESNET_BOTTLENECK(name="resnet152_v1", builder="foveal.networks.resnet:resnet152_v1", parameters=60_192_808),
    _RESNET_D(name="resnet18_d", builder="foveal.networks.resnet:resnet18_d", parameters=11_708_744),
    _RESNET_D(
        name="resnet18_d_half",
        builder="foveal.networks.resnet:resnet18_d_half",
        parameters=3_058_584,
        stages=_stages(("stem", 32, 2), ("stage1", 32, 4), ("stage2", 64, 8), ("stage3", 128, 16), ("stage4", 256, 32)),
    ),
    _RESNET_D(name="resnet34_d", builder="foveal.networks.resnet:resnet34_d", parameters=21_816_904),
    _RESNET_D_BOTTLENECK(name="resnet50_d", builder="foveal.networks.resnet:resnet50_d", parameters=25_576_264),
    _RESNET_CIFAR(name="resnet20_cifar", builder="foveal.networks.resnet_cifar:resnet20_cifar", parameters=269_722),
    _RESNET_CIFAR(name="resnet32_cifar", builder="foveal.networks.resnet_cifar:resnet32_cifar", parameters=464_154),
    _RESNET_CIFAR(name="resnet44_cifar", builder="foveal.networks.resnet_cifar:resnet44_cifar", parameters=658_586),
    _RESNET_CIFAR(name="resnet56_cifar", builder="foveal.networks.resnet_cifar:resnet56_cifar", parameters=853_018),
    _RESNET_CIFAR(name="resnet110_cifar", builder="foveal.networks.resnet_cifar:resnet110_cifar", parameters=1_727_962),
    NetworkSpec(
        name="fastnet",
        builder="foveal.networks.fastnet:fastnet",
        paper="Foveal's own, after Jordan 2024, arXiv:2404.00498",
        title="94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
        parameters=1_972_792,
        num_classes=10,
        size=32,
        needs=Needs(min_size=9),
    ),
)

NETWORKS: dict[str, NetworkSpec] = {spec.name: spec for spec in _SPECS}
