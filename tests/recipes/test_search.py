"""What tuning varies."""

from dataclasses import fields, replace
from typing import Any

import pytest

from foveal.augment.settings import AugmentSettings
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions
from foveal.recipes.search import PROBABILITIES, RANGES, strengthened, varied

PHOTOGRAPHS = DataFacts(num_train=2000, num_classes=10, side=200, longer=260, channels=3)

KEPT = ("hflip", "vflip", "operations", "magnitude", "crop_ratio", "scale", "crop_area")
"""Mirroring is right or wrong for the data, not weak or strong; drawn operations are asked for by name; the last two
are scaled in ways of their own."""


class Fixed:
    """Chooses what it was told, or 1 and the last word."""

    def __init__(self, **chosen: float) -> None:
        self.chosen = chosen
        self.asked: list[str] = []

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        self.asked.append(name)
        return min(max(self.chosen.get(name, 1.0), low), high)

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        self.asked.append(name)
        return choices[-1]


def test_every_part_of_augmentation_is_decided_upon() -> None:
    assert {*RANGES, *PROBABILITIES, *KEPT} == {each.name for each in fields(AugmentSettings)}


@pytest.mark.parametrize("strength", [0.0, 0.4, 1.0, 1.7, 2.0])
def test_strengths_are_legal_and_in_order(strength: float) -> None:
    full = AugmentSettings(
        hflip=0.5, rotate_deg=20, translate=0.2, scale=(0.8, 1.3), shear_deg=9, crop_area=(0.5, 0.9), brightness=0.4,
        contrast=0.4, saturation=0.4, grey=0.2, erase=0.3, hue_deg=20, blur_px=6, noise=0.1,
        mosaic=0.5, mixup=0.2, cutmix=0.4,
    )  # fmt: skip
    made = strengthened(full, strength)
    assert made.hflip == 0.5
    if strength == 1:
        assert made == full
    if strength == 0:
        assert replace(made, hflip=0.0).is_identity
    if strength == 1.7:
        assert made.rotate_deg == pytest.approx(34)
        assert made.crop_area == (pytest.approx(0.15), pytest.approx(0.83))
        assert made.scale[0] < 0.8 < 1.3 < made.scale[1]


def test_what_is_open_is_varied_around_the_rules() -> None:
    rules = resolve(TrainOptions(), PHOTOGRAPHS)
    chooser = Fixed(lr=10, weight_decay=0.1, augmentation=0.5)
    settings, shown = varied(TrainOptions(), PHOTOGRAPHS, ["resnet18_d"], chooser)
    assert chooser.asked == ["lr", "weight_decay", "augmentation"]
    assert settings["lr"] == pytest.approx(10 * (rules.settings.lr or 0), rel=0.01)
    assert settings["weight_decay"] == pytest.approx(0.1 * (rules.settings.weight_decay or 0), rel=0.01)
    assert settings["rotate_deg"] == pytest.approx(rules.settings.augment.rotate_deg / 2)
    assert settings["hflip"] == rules.settings.augment.hflip
    assert list(shown) == ["network", "lr", "weight_decay", "augmentation"]
    TrainOptions(**{name: settings[name] for name in ("model", "lr", "weight_decay")})


def test_what_was_asked_for_is_not_varied() -> None:
    chooser = Fixed()
    asked = TrainOptions(lr=0.01, weight_decay=0.0, augment={"hflip": 0.0})
    settings, shown = varied(asked, PHOTOGRAPHS, ["resnet18_d"], chooser)
    assert (settings, shown, chooser.asked) == ({"model": "resnet18_d"}, {"network": "resnet18_d"}, [])


def test_each_network_varies_around_its_own_rules() -> None:
    settings, _ = varied(TrainOptions(), PHOTOGRAPHS, ["resnet18_d", "vgg11_bn"], Fixed())
    assert settings["model"] == "vgg11_bn"
    assert settings["lr"] == pytest.approx(resolve(TrainOptions(model="vgg11_bn"), PHOTOGRAPHS).settings.lr, rel=0.01)
