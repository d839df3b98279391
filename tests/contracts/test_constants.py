"""Constants of papers, and of choices like theirs, by value: each as it comes out where it is used."""

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from tests.made import targets_of
from tests.tasks.test_instance_masks import PREPROCESS as PLACED
from tests.tasks.test_instance_masks import TASK as WITH_MASKS
from tests.tasks.test_instance_masks import TRIANGLE, assigned, sample
from torch import nn

from foveal.annotations import Instance, Objects, Polygons
from foveal.augment.erasing import AREA, RATIO
from foveal.augment.operations import OPERATIONS
from foveal.augment.photometric import LUMA
from foveal.augment.settings import AugmentSettings
from foveal.images.sources import ArrayImage
from foveal.layers import LocalResponseNorm, scaled_tanh
from foveal.layers.initialisation import lecun_uniform_
from foveal.losses import labels
from foveal.losses.assignment import BOX_POWER, CLASS_POWER, POINTS
from foveal.losses.detection import quality_loss
from foveal.losses.focal import focal_terms
from foveal.losses.regression import huber
from foveal.metrics.calibration import measure_calibration
from foveal.metrics.detection import LIMITS, RECALLS
from foveal.metrics.matching import AREAS, THRESHOLDS
from foveal.metrics.segmentation import TOLERANCE
from foveal.networks import needs_of
from foveal.networks.alexnet import alexnet
from foveal.networks.deeplab import DeepLabV3PlusDecoder
from foveal.networks.detector_head import BINS, DetectorHead
from foveal.networks.googlenet import googlenet
from foveal.networks.mask_head import WEIGHTS
from foveal.networks.spec import StageSpec
from foveal.networks.vgg import vgg16
from foveal.ops.mask_points import HIDDEN, MAPS
from foveal.preprocess import Preprocess
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions
from foveal.tasks import make_task
from foveal.tasks.instance_masks import mask_loss
from foveal.tasks.whole_image import loss_terms
from foveal.training.lion import Lion
from foveal.training.muon import orthogonalised
from foveal.training.optimisers import build_optimiser
from foveal.training.schedules import learning_rate
from foveal.types import Sample

PHOTOGRAPHS = DataFacts(num_train=1200, num_classes=22, side=240, channels=3)
THUMBNAILS = DataFacts(num_train=45_000, num_classes=10, side=32, channels=3)


def power_of(value: float, base: float) -> float:
    """x of base^x = value."""
    return math.log(value) / math.log(base)


def auxiliary_share() -> float:
    outputs = dict.fromkeys(("logits", "aux4a"), torch.zeros(1, 1))
    terms = loss_terms(lambda outputs, targets: torch.tensor(1.0), outputs, torch.zeros(1, 1))
    return (terms["aux4a"] / terms["loss"]).item()


@cache
def detector_terms() -> dict[str, float]:
    """What one cell costs that says nothing of its object yet: a box of 120 px around the object's 20 × 48."""
    thing = Instance(label=0, box_xyxy=(10, 8, 30, 56))
    preprocess = Preprocess(size_hw=(64, 64), channels=1, fit="squash", mean=(0.0,), std=(1.0,))
    square = Sample(id="x", image=ArrayImage(list, 0, "x"), annotation=Objects((thing,)), size_hw=(64, 64))
    task = make_task("detect", ("cat", "dog"), {})
    outputs = {
        "logits": torch.zeros(1, 1, 2),
        "distances": torch.zeros(1, 1, 4, BINS),
        "points": torch.tensor([[20.0, 32.0]]),
        "strides": torch.tensor([8.0]),
    }
    return {
        name: term.item() for name, term in task.learning.loss(outputs, targets_of(task, [square], preprocess)).items()
    }


def mask_term() -> float:
    """What a mask costs of which nothing is found: 1 - Dice is 1."""
    weights = torch.zeros(1, 1, WEIGHTS)
    weights[..., -1] = -30.0
    outputs = {"mask_maps": torch.zeros(1, MAPS, 16, 24), "mask_weights": weights}
    outlines = targets_of(WITH_MASKS, [sample(Polygons((TRIANGLE,)))], PLACED).outlines
    return mask_loss(outputs, assigned([0], (13.0, 5.0, 80.0, 55.0)), outlines).item()


def quality_power() -> float:
    logits, quality = torch.tensor([[2.0]]), torch.tensor([[0.5]])
    plain = nn.functional.binary_cross_entropy_with_logits(logits, quality)
    return power_of((quality_loss(logits, quality) / plain).item(), abs(torch.sigmoid(logits).item() - 0.5))


def normed(value: float) -> list[float]:
    """The first, second and fourth of seven maps that are all alike, after AlexNet's first normalisation."""
    layer = next(each for each in alexnet_on_paper().modules() if isinstance(each, LocalResponseNorm))
    maps: list[float] = layer(torch.full((1, 7, 1, 1), value, dtype=torch.float64)).flatten().tolist()
    return [maps[0], maps[1], maps[3]]


def normed_by_hand(value: float) -> list[float]:
    return [value / (2 + 1e-4 * maps * value**2) ** 0.75 for maps in (3, 4, 5)]


@cache
def alexnet_on_paper() -> nn.Module:
    """Without the memory of its weights."""
    with torch.device("meta"):
        return alexnet()


def dropped(network: Callable[[], nn.Module]) -> list[float]:
    """The shares that a network and its head drop in training, in order."""
    with torch.device("meta"):
        backbone = network()
        parts = nn.ModuleList([backbone, backbone.head(10)])  # type: ignore[operator]
    return [each.p for each in parts.modules() if isinstance(each, nn.Dropout)]


def lion_betas() -> tuple[float, float]:
    """Of the step, read off the gradient that just outweighs a momentum of 1; and of the momentum that is kept."""

    def after(gradient: float) -> tuple[float, float]:
        weight = nn.Parameter(torch.zeros((), dtype=torch.float64))
        optimiser = Lion([{"params": [weight], "weight_decay": 0.0}], lr=1.0)
        optimiser.state[weight]["momentum"] = torch.ones((), dtype=torch.float64)
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
        return weight.item(), optimiser.state[weight]["momentum"].item()

    turns = next(tenths for tenths in range(1, 1000) if after(-tenths / 10 - 0.05)[0] > 0)
    return round(turns / 10 / (1 + turns / 10), 3), after(0.0)[1]


def newton_schulz(value: float) -> float:
    """Five steps of Muon's polynomial on one singular value, by hand."""
    for _ in range(5):
        value = 3.4445 * value - 4.7750 * value**3 + 2.0315 * value**5
    return value


def orthogonalised_values() -> list[float]:
    matrix = torch.diag(torch.tensor([0.6, 0.8], dtype=torch.float64))
    return orthogonalised(matrix, dtype=torch.float64).diagonal().tolist()


def bound_of(fan_in: int) -> float:
    return lecun_uniform_(torch.empty(100_000), fan_in=fan_in).abs().max().item()


def lenet_values() -> list[float]:
    """What black and white become before LeNet-5."""
    statistics = needs_of("lenet5").input_statistics
    assert statistics is not None
    mean, std = statistics
    return [(pixel - mean) / std for pixel in (0, 1)]


def dilations() -> list[int]:
    stages = [StageSpec(name=f"s{stride}", channels=16, stride=stride) for stride in (4, 16)]
    decoder = DeepLabV3PlusDecoder(stages, 3, channels=8)
    convolutions = [each for each in decoder.pyramid.modules() if isinstance(each, nn.Conv2d)]
    return [each.dilation[0] for each in convolutions if each.kernel_size == (3, 3)]


def prior() -> float:
    head = DetectorHead([8], 16, 2)
    bias = head.classify[0][-1].bias  # type: ignore[index]
    return bias.sigmoid().mean().item()


IOU = 20 * 48 / 120**2
CONSTANTS: dict[str, tuple[Callable[[], Any], Any, str]] = {
    "auxiliary loss": (auxiliary_share, 0.3, "Szegedy et al. 2014, arXiv:1409.4842, section 5"),
    "focal loss's gamma": (
        lambda: power_of((focal_terms(torch.tensor(0.25).log()) / -torch.tensor(0.25).log()).item(), 0.75),
        2.0,
        "Lin et al. 2017, arXiv:1708.02002, the best of 0 to 5",
    ),
    "gamma of labels": (
        lambda: power_of(
            (labels.focal(x := torch.ones(1, 1), y := torch.zeros(1, 1)) / labels.binary_cross_entropy(x, y)).item(),
            torch.ones(()).sigmoid().item(),
        ),
        2.0,
        "the same",
    ),
    "quality focal loss's beta": (quality_power, 2.0, "Li et al. 2020, arXiv:2006.04388, equation 2"),
    "box loss": (lambda: detector_terms()["box"], 2.0 * (1 - IOU) * IOU, "Li et al. 2020, section 3.3: 2"),
    "distribution loss": (
        lambda: detector_terms()["distance"],
        0.5 * math.log(16) * IOU,
        "chosen here, of the mean over four sides",
    ),
    "mask loss": (mask_term, 2.0, "chosen here, as the box loss"),
    "distribution's bins": (lambda: BINS, 16, "chosen here: 0 to 15 strides"),
    "alignment's powers": (lambda: (CLASS_POWER, BOX_POWER), (1.0, 6.0), "Feng et al. 2021, arXiv:2108.07755"),
    "points of an object": (lambda: POINTS, 13, "Feng et al. 2021: m = 13"),
    "prior of a class": (prior, 0.01, "Lin et al. 2017, section 3.3"),
    "mask head's width": (lambda: (MAPS, HIDDEN), (8, 8), "Tian et al. 2020, arXiv:2003.05664, section 3.2"),
    "huber's corner": (
        lambda: huber(torch.tensor([1.0, 3.0]), torch.zeros(2)).item(),
        (0.5 + 2.5) / 2,
        "chosen here: one spread",
    ),
    "LRN of ones": (lambda: normed(1.0), normed_by_hand(1.0), "Krizhevsky et al. 2012, section 3.3"),
    "LRN of hundreds": (lambda: normed(100.0), normed_by_hand(100.0), "k = 2, n = 5, α = 1e-4, β = 0.75"),
    "LeNet-5's amplitude": (lambda: scaled_tanh(torch.tensor(99.0)).item(), 1.7159, "LeCun et al. 1998, appendix A"),
    "LeNet-5's slope": (
        lambda: math.atanh(scaled_tanh(torch.tensor(1.0, dtype=torch.float64)).item() / 1.7159),
        2 / 3,
        "LeCun et al. 1998, appendix A",
    ),
    "LeNet-5's first weights": (lambda: round(bound_of(25), 3), 2.4 / 25, "LeCun et al. 1998, appendix A"),
    "LeNet-5's black and white": (lenet_values, [-0.1, 1.175], "LeCun et al. 1998, section II.B"),
    "AlexNet's dropout": (lambda: dropped(alexnet), [0.5, 0.5], "Krizhevsky et al. 2012, section 4.2"),
    "VGG's dropout": (lambda: dropped(vgg16), [0.5, 0.5], "Simonyan & Zisserman 2014, arXiv:1409.1556, section 3.1"),
    "GoogLeNet's dropout": (lambda: dropped(googlenet), [0.4, 0.7, 0.7], "Szegedy et al. 2014, section 5, Table 1"),
    "DeepLab's rates": (dilations, [6, 12, 18], "Chen et al. 2017, arXiv:1706.05587, section 3.3"),
    "COCO's thresholds": (
        lambda: THRESHOLDS.tolist(),
        [0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95],
        "Lin et al. 2014, arXiv:1405.0312: 0.50:0.05:0.95",
    ),
    "COCO's areas": (
        lambda: [edge for area in AREAS[1:] for edge in area],
        [0, 1024, 1024, 9216, 9216, 1e10],
        "Lin et al. 2014: 32² and 96²",
    ),
    "COCO's limits": (lambda: LIMITS, (1, 10, 100), "Lin et al. 2014: AR1, AR10, AR100"),
    "COCO's recalls": (lambda: (len(RECALLS), RECALLS[1]), (101, 0.01), "Lin et al. 2014: 0:0.01:1"),
    "calibration's bins": (
        lambda: len(measure_calibration(np.array([0.5]), np.array([True])).count),
        15,
        "Guo et al. 2017, arXiv:1706.04599, section 4",
    ),
    "boundary's tolerance": (lambda: TOLERANCE, 0.0075, "Csurka et al. 2013, section 3.2"),
    "Muon's polynomial": (orthogonalised_values, [newton_schulz(0.6), newton_schulz(0.8)], "Jordan et al. 2024"),
    "Lion's betas": (lion_betas, (0.9, 0.99), "Chen et al. 2023, arXiv:2302.06675, algorithm 2"),
    "Adam's betas and epsilon": (
        lambda: [*(made := build_optimiser("adamw", nn.Linear(2, 2), lr=1.0).defaults)["betas"], made["eps"]],
        [0.9, 0.999, 1e-8],
        "Kingma & Ba 2014, arXiv:1412.6980, algorithm 1",
    ),
    "one cycle": (
        lambda: [learning_rate("one_cycle", progress, peak=1.0) for progress in (0.0, 0.3, 1.0)],
        [1 / 25, 1.0, 1 / 250_000],
        "torch.optim.lr_scheduler.OneCycleLR",
    ),
    "steps": (
        lambda: [learning_rate("step", progress, peak=1.0) for progress in (0.49, 0.5, 0.74, 0.75)],
        [1.0, 0.1, 0.1, 0.01],
        "He et al. 2015, arXiv:1512.03385, section 4.2",
    ),
    "label smoothing": (
        lambda: [resolve(TrainOptions(), facts).settings.label_smoothing for facts in (PHOTOGRAPHS, THUMBNAILS)],
        [0.1, 0.0],
        "Szegedy et al. 2015, arXiv:1512.00567, section 7; photographs alone",
    ),
    "momentum": (lambda: resolve(TrainOptions(), THUMBNAILS).settings.momentum, 0.9, "He et al. 2015, section 3.4"),
    "SGD's rate of a batch of 128": (
        lambda: resolve(TrainOptions(batch_size=128), THUMBNAILS).settings.lr,
        0.1,
        "He et al. 2015, section 4.2",
    ),
    "the fast recipe": (
        lambda: [
            getattr(resolve(TrainOptions(recipe="fast"), THUMBNAILS).settings, name)
            for name in ("momentum", "label_smoothing")
        ],
        [0.65, 0.2],
        "label smoothing of Jordan 2024, arXiv:2404.00498; momentum chosen here",
    ),
    "crops' ratio": (
        lambda: AugmentSettings().crop_ratio,
        (3 / 4, 4 / 3),
        "Szegedy et al. 2014, section 6",
    ),
    "erased area and ratio": (
        lambda: (*AREA, *RATIO),
        (0.02, 0.33, 0.3, 1 / 0.3),
        "Zhong et al. 2017, arXiv:1708.04896; the largest area chosen here",
    ),
    "operations": (lambda: len(OPERATIONS), 14, "Cubuk et al. 2019, arXiv:1909.13719, section 3"),
    "grey": (lambda: LUMA, (0.299, 0.587, 0.114), "ITU-R BT.601-7, section 2.5.1"),
}


@pytest.mark.parametrize("name", CONSTANTS)
def test_a_constant_is_used_by_its_sources_value(name: str) -> None:
    used, expected, source = CONSTANTS[name]
    assert used() == pytest.approx(expected, rel=1e-3), source
