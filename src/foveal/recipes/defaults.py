"""The settings a run takes where none are given: rules over the data's size, never over a data set's name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from foveal.augment.settings import AugmentSettings
from foveal.errors import ModelError, UsageError
from foveal.networks import NETWORKS
from foveal.preprocess import Fit
from foveal.recipes.facts import DataFacts
from foveal.training.names import OPTIMISER_NAMES, SCHEDULE_NAMES
from foveal.training.settings import TrainSettings

SMALL_SIDE = 64
"""Below this side in pixels images count as small: signs, digits, thumbnails. From it on they are photographs."""
PLAIN_NETWORKS = ("alexnet", "alexnet_one_tower", "vgg11", "vgg13", "vgg16", "vgg19", "googlenet")
"""Networks without batch norm, which take a tenth of the learning rate."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings without a None left (but for `time` and `epochs`, one of which is), and why each was chosen."""

    settings: TrainSettings
    augment: AugmentSettings
    reasons: Mapping[str, str]


def resolve(asked: TrainSettings, facts: DataFacts, *, own_module: bool = False) -> Recipe:
    """Fills what was not asked for. Raises UsageError or ModelError for names and sizes that can't be.

    own_module: the user brings the network, of which nothing is known.
    """
    chosen: dict[str, tuple[Any, str]] = {}
    small = facts.side < SMALL_SIDE
    model = _model(asked, small, own_module)
    chosen["model"] = model
    chosen |= _input(asked, facts, model[0], small, own_module)
    chosen |= _optimisation(asked, facts, model[0], small, own_module)
    values = {name: value for name, (value, _) in chosen.items() if getattr(asked, name) is None}
    reasons = {name: chosen[name][1] for name in values}
    augment, augment_reason = _augmentation(asked, facts, small)
    reasons["augment"] = augment_reason
    settings = replace(asked, **values, augment=asdict(augment))
    _check_names(settings)
    return Recipe(settings=settings, augment=augment, reasons=reasons)


def _model(asked: TrainSettings, small: bool, own_module: bool) -> tuple[str, str]:
    if own_module:
        return "custom", "your own module"
    if asked.model is not None:
        return asked.model, "asked for"
    if small:
        return "resnet20_cifar", f"images below {SMALL_SIDE} px: the small residual network keeps their resolution"
    return "resnet18", "photographs: the smallest of the residual networks for them"


def _input(
    asked: TrainSettings, facts: DataFacts, model: str, small: bool, own_module: bool
) -> dict[str, tuple[Any, str]]:
    """Size, fit and the growing of the training size."""
    size, fit = _size_and_fit(facts, model, small)
    grow = (1.0, "small images keep their size") if small or own_module else (
        0.75,
        "growing images: early steps are cheap ones (Tan & Le 2021, arXiv:2104.00298)",
    )
    if model in ("alexnet", "alexnet_one_tower") or model.startswith("vgg"):
        grow = (1.0, "its fully connected head is tied to one grid")
    if (asked.size or size[0]) < 96:
        grow = (1.0, "too small to start smaller")
    return {"size": size, "fit": fit, "grow_from": grow}


def _size_and_fit(facts: DataFacts, model: str, small: bool) -> tuple[tuple[int, str], tuple[Fit, str]]:
    if model == "lenet5":
        pads = 20 <= facts.side <= 32
        fit: tuple[Fit, str] = ("pad", "the digit centred, as published") if pads else ("squash", "the whole image")
        return (32, "as published"), fit
    least = NETWORKS[model].min_size if model in NETWORKS else 1
    if small:
        side = max(16, 4 * round(facts.side / 4), least)
        return (side, f"the images' own side, about {facts.side} px"), ("squash", "the whole image")
    side = max(min(128, 32 * (facts.side // 32)), least)
    return (side, f"photographs of about {facts.side} px: enough to tell, and quick"), (
        "squash",
        "the whole image, nothing cut away",
    )


def _optimisation(
    asked: TrainSettings, facts: DataFacts, model: str, small: bool, own_module: bool
) -> dict[str, tuple[Any, str]]:
    count = facts.num_train
    batch = (128 if count >= 5000 else 64 if count >= 1000 else 32) if small else (64 if count >= 5000 else 32)
    batch_size = asked.batch_size or batch
    images_per_step = min(batch_size * asked.accumulate, count)
    images = 1_500_000 if small else 100_000
    epochs = min(100, max(15, round(images / count)))
    if own_module:
        optimiser, lr, why = "adamw", 1e-3, "safe for a network nothing is known of"
    elif model == "lenet5":
        optimiser, lr, why = "sgd", 0.002 * images_per_step / 64, "for sums of squares over 84 units, by batch size"
    else:
        base, kind = (0.01, "no batch norm") if model in PLAIN_NETWORKS else (0.1, "batch norm")
        optimiser, lr, why = "sgd", base * images_per_step / 128, f"{base} a batch of 128, {kind}"
    optimiser = asked.optimiser or optimiser
    if optimiser in ("adam", "adamw", "rmsprop", "adagrad") and not own_module:
        lr, why = (0.01, "usual for adagrad") if optimiser == "adagrad" else (1e-3, f"usual for {optimiser}")
    decay = {"lenet5": 0.0, "custom": 0.05}.get(model, 5e-4)
    steps = max(1, count // images_per_step)
    loss = NETWORKS[model].loss if model in NETWORKS else "cross_entropy"
    smooths = (asked.loss or loss) == "cross_entropy" and not small
    one_cycle = asked.schedule in (None, "one_cycle")
    chosen: dict[str, tuple[Any, str]] = {
        "batch_size": (batch_size, f"{count:,} training images of this size"),
        "optimiser": (optimiser, "the field's standard for convolutional networks"),
        "lr": (round(lr, 6), why),
        "nesterov": (optimiser == "sgd" and asked.momentum > 0, "looks ahead at no cost"),
        "weight_decay": (decay, "as published" if model == "lenet5" else "usual with this optimiser"),
        "schedule": ("one_cycle", "Smith & Topin 2017, arXiv:1708.07120"),
        "warmup": (0.2, "of the one-cycle schedule") if one_cycle else (0.05, "a short rise keeps the first steps tame"),
        "ema": (round(min(0.9998, max(0.9, 1 - 1 / (2 * steps))), 5), "averages about the last two epochs"),
        "loss": (loss, "the network's own"),
        "label_smoothing": (0.1 if smooths else 0.0, "photographs" if smooths else "none for small images or this loss"),
    }
    if asked.time is None:
        chosen["epochs"] = (float(epochs), f"about {images:,} images seen, at least 15 and at most 100 epochs")
    return chosen


def _augmentation(asked: TrainSettings, facts: DataFacts, small: bool) -> tuple[AugmentSettings, str]:
    base, reason = _augmentation_base(asked, facts, small)
    return replace(base, **asked.augment), reason + (" and what was asked for" if asked.augment else "")


def _augmentation_base(asked: TrainSettings, facts: DataFacts, small: bool) -> tuple[AugmentSettings, str]:
    if asked.augmentation == "none":
        return AugmentSettings(), "none was asked for"
    if small and facts.channels == 1:
        settings = AugmentSettings(rotate_deg=10.0, translate=0.07, scale=(0.9, 1.1), shear_deg=6.0)
        return settings, "small grey images: slight distortions, no mirroring (signs and digits lose their meaning)"
    if small:
        settings = AugmentSettings(
            rotate_deg=8.0, translate=0.1, scale=(0.9, 1.15), brightness=0.1, contrast=0.1, erase=0.2
        )
        return settings, f"small images: slight distortions; mirroring is left out below {SMALL_SIDE} px (--hflip 0.5)"
    settings = AugmentSettings(
        hflip=0.5,
        rotate_deg=8.0,
        crop_area=(0.35, 1.0),
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
        grey=0.05,
        erase=0.2,
        cutmix=1.0,
        mixup=0.2,
    )
    return settings, "photographs: crops of random area, mirroring, colour, MixUp and CutMix"


def _check_names(settings: TrainSettings) -> None:
    for option, value, names in (
        ("--optimiser", settings.optimiser, OPTIMISER_NAMES),
        ("--schedule", settings.schedule, SCHEDULE_NAMES),
    ):
        if value not in names:
            raise UsageError(f"{option} {value}: expected one of {', '.join(names)}")
    spec = NETWORKS.get(settings.model or "")
    if spec is not None and settings.size is not None and settings.size < spec.min_size:
        raise ModelError(f"--size {settings.size}: {spec.name} needs at least {spec.min_size} px")
