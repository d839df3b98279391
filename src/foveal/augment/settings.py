"""What to augment and how strongly; every default is off. Imports no torch, for a fast command line."""

import math
from dataclasses import dataclass, fields, replace
from typing import Annotated

from foveal.errors import UsageError
from foveal.options import Option, mistakes

CROP_RATIO = (3 / 4, 4 / 3)
"""The range of Szegedy et al. 2014 (arXiv:1409.4842), §6."""
FULL_MAGNITUDE = (0.0, 1.0)
"""Even from none to the strongest: TrivialAugment's."""
MOST_OPERATIONS = 14
MOST_BLUR_PX = 16
AUGMENTATION = "Augmentation"
"""The heading of these in the help."""


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Strength of each augmentation; `AugmentSettings()` changes nothing.

    Raises UsageError, naming the field, when built with a value out of range. `dataclasses.asdict` gives
    what JSON holds, and `AugmentSettings(**json.loads(text))` brings it back.
    """

    hflip: Annotated[
        float,
        Option(
            "Share of the epochs, 0 to 1, in which an image is mirrored left and right, evenly spread.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    vflip: Annotated[
        float,
        Option(
            "Share of the epochs, 0 to 1, in which an image is mirrored top and bottom, evenly spread.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    rotate_deg: Annotated[
        float,
        Option("Largest rotation either way, 0 to 180 degrees.", low=0, high=180, unit="degrees", group=AUGMENTATION),
    ] = 0.0
    translate: Annotated[
        float,
        Option(
            "Largest shift either way, 0 to 1, as a share of the image's width and height.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    scale: Annotated[
        tuple[float, float],
        Option("(low, high) magnification, above 0; 2 shows things twice as large.", group=AUGMENTATION),
    ] = (1.0, 1.0)
    shear_deg: Annotated[
        float,
        Option(
            "Largest horizontal shear either way, 0 to below 90 degrees.",
            low=0,
            below=90,
            unit="degrees",
            group=AUGMENTATION,
        ),
    ] = 0.0
    crop_area: Annotated[
        tuple[float, float],
        Option(
            "(low, high) share of the image's area that is kept and resized, above 0 to 1; (1, 1) is off.",
            group=AUGMENTATION,
        ),
    ] = (1.0, 1.0)
    crop_ratio: Annotated[
        tuple[float, float],
        Option(
            "(low, high) width / height of the crop in input pixels, above 0; unused where `crop_area` is off.",
            group=AUGMENTATION,
        ),
    ] = CROP_RATIO
    brightness: Annotated[
        float,
        Option("Largest relative change, 0 to 1: 0.4 multiplies by 0.6 to 1.4.", low=0, high=1, group=AUGMENTATION),
    ] = 0.0
    contrast: Annotated[
        float,
        Option(
            "Contrast: largest relative change, 0 to 1, of the distance to the image's mean.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    saturation: Annotated[
        float,
        Option(
            "Saturation: largest relative change, 0 to 1, of the distance to the pixel's grey; 3 channels only.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    grey: Annotated[
        float,
        Option(
            "Probability, 0 to 1, of removing all colour; images of 3 channels only.", low=0, high=1, group=AUGMENTATION
        ),
    ] = 0.0
    hue_deg: Annotated[
        float,
        Option(
            "Hue: largest rotation of the colours about grey either way, 0 to 180 degrees; images of 3 channels only.",
            low=0,
            high=180,
            unit="degrees",
            group=AUGMENTATION,
        ),
    ] = 0.0
    blur_px: Annotated[
        float,
        Option(
            "Largest standard deviation of a Gaussian blur, 0 to 16 pixels of what the network sees.",
            low=0,
            high=MOST_BLUR_PX,
            unit="pixels",
            group=AUGMENTATION,
        ),
    ] = 0.0
    noise: Annotated[
        float,
        Option(
            "Largest standard deviation of Gaussian noise, 0 to 1, as a share of the range of values.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    operations: Annotated[
        int,
        Option(
            "Operations drawn for each image out of fourteen, 0 to 14: TrivialAugment's one, RandAugment's N.",
            low=0,
            high=MOST_OPERATIONS,
            group=AUGMENTATION,
        ),
    ] = 0
    magnitude: Annotated[
        tuple[float, float],
        Option(
            "(low, high) strength of the drawn operations, 0 to 1: RandAugment's M / 10; unused without `operations`.",
            group=AUGMENTATION,
        ),
    ] = FULL_MAGNITUDE
    erase: Annotated[
        float,
        Option(
            "Random erasing: probability, 0 to 1, of filling a random rectangle with the image's mean colour.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    mosaic: Annotated[
        float,
        Option(
            "Mosaic: probability, 0 to 1, of showing parts of four images in one; for boxes and label maps.",
            low=0,
            high=1,
            group=AUGMENTATION,
        ),
    ] = 0.0
    mixup: Annotated[
        float,
        Option(
            "MixUp's alpha, 0 or more: its weight is drawn from Beta(alpha, alpha); 0 is off.",
            low=0,
            group=AUGMENTATION,
        ),
    ] = 0.0
    cutmix: Annotated[
        float,
        Option(
            "CutMix's alpha, 0 or more: its area is drawn from Beta(alpha, alpha); 0 is off.",
            low=0,
            group=AUGMENTATION,
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        for mistake in mistakes(self):
            raise UsageError(mistake)
        if self.operations != int(self.operations):
            raise UsageError(f"--operations {self.operations}: expected a whole number")
        self._check_range("scale", "two magnifications (low, high) with 0 < low <= high")
        self._check_range("crop_area", "two shares of the area (low, high) with 0 < low <= high <= 1", high=1)
        self._check_range("magnitude", "two strengths (low, high) with 0 <= low <= high <= 1", high=1, least=0)
        self._check_range("crop_ratio", "two ratios width / height (low, high) with 0 < low <= high")

    @property
    def is_identity(self) -> bool:
        """True where images of the wanted size come out as they went in."""
        unused = {"crop_ratio": CROP_RATIO, **({} if self.operations else {"magnitude": FULL_MAGNITUDE})}
        return replace(self, **unused) == AugmentSettings()  # type: ignore[arg-type]

    @property
    def changed(self) -> list[str]:
        """The names of the settings that are not off."""
        return [each.name for each in fields(self) if getattr(self, each.name) != each.default]

    def _check_range(
        self, name: str, expected: str, *, high: float = math.inf, least: float = math.nextafter(0, 1)
    ) -> None:
        value = getattr(self, name)
        is_pair = isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_finite, value))
        if not (is_pair and least <= value[0] <= value[1] <= high):
            raise UsageError(f"--{name.replace('_', '-')} {value}: expected {expected}")
        object.__setattr__(self, name, tuple(value))  # JSON brings lists


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
