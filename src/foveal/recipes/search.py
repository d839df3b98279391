"""What tuning varies, and how far: settings around those that the rules would choose."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any, Protocol

from foveal.augment.settings import MOST_BLUR_PX, AugmentSettings
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions

FACTOR = (0.1, 10.0)
"""Of the learning rate and of the weight decay, times what the rules choose for the network."""
STRENGTH = (0.0, 2.0)
"""Of the augmentation that the rules choose: 0 is without, but for mirroring, and 1 as it is."""

RANGES = (
    *("rotate_deg", "translate", "shear_deg", "brightness", "contrast", "saturation"),
    *("hue_deg", "blur_px", "noise", "mixup", "cutmix"),
)
PROBABILITIES = ("grey", "erase", "mosaic")
_HIGHEST = {"rotate_deg": 180.0, "shear_deg": 80.0, "hue_deg": 180.0, "blur_px": float(MOST_BLUR_PX)}
"""Of `RANGES`; the others end at 1. An alpha of 1 draws evenly."""
_LEAST_AREA = 0.08
"""Of a crop (Szegedy et al. 2014, arXiv:1409.4842, section 6)."""


class Chooser(Protocol):
    """What decides, as Optuna's trials do."""

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        """A number in a range."""

    def suggest_categorical(self, name: str, choices: Sequence[str]) -> Any:
        """One of the words."""


def varied(
    asked: TrainOptions, facts: DataFacts, models: Sequence[str], chooser: Chooser
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(settings of a trial by name, what was chosen in a person's terms); only what `asked` leaves open is varied.

    The choices are factors of what the rules choose for the network, so that what is learned of one serves another. A
    weight decay that the rules leave out stays out. Raises what `resolve` raises.
    """
    model = chooser.suggest_categorical("network", models) if len(models) > 1 else models[0]
    recipe = resolve(replace(asked, model=model), facts)
    settings: dict[str, Any] = {"model": model}
    shown: dict[str, Any] = {"network": model}
    for name in ("lr", "weight_decay"):
        if getattr(asked, name) is None:
            factor = chooser.suggest_float(name, *FACTOR, log=True)
            settings[name] = shown[name] = float(f"{getattr(recipe.settings, name) * factor:.3g}")
    if asked.augmentation == "auto" and not asked.augment:
        strength = shown["augmentation"] = round(chooser.suggest_float("augmentation", *STRENGTH), 3)
        settings |= asdict(strengthened(recipe.settings.augment, strength))
    return settings, shown


def strengthened(augment: AugmentSettings, strength: float) -> AugmentSettings:
    """Each part so many times as strong, up to what it can be; 1 changes nothing."""
    changed: dict[str, Any] = {
        name: min(getattr(augment, name) * strength, _HIGHEST.get(name, 1.0)) for name in RANGES + PROBABILITIES
    }
    changed["scale"] = tuple(round(end**strength, 4) for end in augment.scale)
    changed["crop_area"] = tuple(max(_LEAST_AREA, round(1 - (1 - end) * strength, 4)) for end in augment.crop_area)
    return replace(augment, **{name: _short(value) for name, value in changed.items()})


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
