"""What to augment and how strongly; every default is off. Imports no torch, for a fast command line."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from foveal.errors import UsageError

CROP_RATIO = (3 / 4, 4 / 3)
"""The range of Szegedy et al. 2014 (arXiv:1409.4842), §6."""
FULL_MAGNITUDE = (0.0, 1.0)
"""Even from none to the strongest: TrivialAugment's."""
MOST_OPERATIONS = 14
MOST_BLUR_PX = 16


@dataclass(frozen=True, kw_only=True)
class AugmentSettings:
    """Strength of each augmentation; `AugmentSettings()` changes nothing.

    Raises UsageError, naming the field, when built with a value out of range. `dataclasses.asdict` gives
    what JSON holds, and `AugmentSettings(**json.loads(text))` brings it back.
    """

    hflip: float = 0.0
    """Share of the epochs, 0 to 1, in which an image is mirrored left and right, evenly spread."""
    vflip: float = 0.0
    """Share of the epochs, 0 to 1, in which an image is mirrored top and bottom, evenly spread."""
    rotate_deg: float = 0.0
    """Largest rotation either way, 0 to 180 degrees."""
    translate: float = 0.0
    """Largest shift either way, 0 to 1, as a share of the image's width and height."""
    scale: tuple[float, float] = (1.0, 1.0)
    """(low, high) magnification, above 0; 2 shows things twice as large."""
    shear_deg: float = 0.0
    """Largest horizontal shear either way, 0 to below 90 degrees."""
    crop_area: tuple[float, float] = (1.0, 1.0)
    """(low, high) share of the image's area that is kept and resized, above 0 to 1; (1, 1) is off."""
    crop_ratio: tuple[float, float] = CROP_RATIO
    """(low, high) width / height of the crop in input pixels, above 0; unused where `crop_area` is off."""
    brightness: float = 0.0
    """Largest relative change, 0 to 1: 0.4 multiplies by 0.6 to 1.4."""
    contrast: float = 0.0
    """Largest relative change, 0 to 1, of the distance to the image's mean."""
    saturation: float = 0.0
    """Largest relative change, 0 to 1, of the distance to the pixel's grey; images of 3 channels only."""
    grey: float = 0.0
    """Probability, 0 to 1, of removing all colour; images of 3 channels only."""
    hue_deg: float = 0.0
    """Largest turn of the colours about grey either way, 0 to 180 degrees; images of 3 channels only."""
    blur_px: float = 0.0
    """Largest standard deviation of a Gaussian blur, 0 to 16 pixels of what the network sees."""
    noise: float = 0.0
    """Largest standard deviation of Gaussian noise, 0 to 1, as a share of the range of values."""
    operations: int = 0
    """Operations drawn for each image out of fourteen, 0 to 14: TrivialAugment's one, RandAugment's N."""
    magnitude: tuple[float, float] = FULL_MAGNITUDE
    """(low, high) strength of the drawn operations, 0 to 1: RandAugment's M / 10; unused without `operations`."""
    erase: float = 0.0
    """Probability, 0 to 1, of filling a random rectangle with the image's mean colour."""
    mosaic: float = 0.0
    """Probability, 0 to 1, of showing parts of four images in one; for boxes and label maps."""
    mixup: float = 0.0
    """Alpha, 0 or more, of the Beta(alpha, alpha) that MixUp's weight comes from; 0 is off."""
    cutmix: float = 0.0
    """Alpha, 0 or more, of the Beta(alpha, alpha) that CutMix's area comes from; 0 is off."""

    def __post_init__(self) -> None:
        for name in ("hflip", "vflip", "grey", "erase", "mosaic"):
            self._check_number(name, "a probability from 0 to 1", high=1)
        for name in ("brightness", "contrast", "saturation"):
            self._check_number(name, "a relative change from 0 to 1", high=1)
        self._check_number("translate", "a share of the image's side from 0 to 1", high=1)
        self._check_number("rotate_deg", "degrees from 0 to 180", high=180)
        self._check_number("hue_deg", "degrees from 0 to 180", high=180)
        self._check_number("blur_px", f"pixels from 0 to {MOST_BLUR_PX}", high=MOST_BLUR_PX)
        self._check_number("noise", "a share of the range of values from 0 to 1", high=1)
        self._check_number("operations", f"a whole number from 0 to {MOST_OPERATIONS}", high=MOST_OPERATIONS)
        if self.operations != int(self.operations):
            raise UsageError(f"augment.operations: expected a whole number, got {self.operations!r}")
        self._check_number("shear_deg", "degrees from 0 to below 90", high=math.nextafter(90, 0))
        for name in ("mixup", "cutmix"):
            self._check_number(name, "an alpha of 0 or more (0 is off)")
        self._check_range("scale", "two magnifications (low, high) with 0 < low <= high")
        self._check_range("crop_area", "two shares of the area (low, high) with 0 < low <= high <= 1", high=1)
        self._check_range("magnitude", "two strengths (low, high) with 0 <= low <= high <= 1", high=1, least=0)
        self._check_range("crop_ratio", "two ratios width / height (low, high) with 0 < low <= high")

    @property
    def is_identity(self) -> bool:
        """True where images of the wanted size come out as they went in."""
        unused = {"crop_ratio": CROP_RATIO, **({} if self.operations else {"magnitude": FULL_MAGNITUDE})}
        return replace(self, **unused) == AugmentSettings()  # type: ignore[arg-type]

    def _check_number(self, name: str, expected: str, *, high: float = math.inf) -> None:
        value = getattr(self, name)
        if not (_is_finite(value) and 0 <= value <= high):
            raise UsageError(f"augment.{name}: expected {expected}, got {value!r}")

    def _check_range(
        self, name: str, expected: str, *, high: float = math.inf, least: float = math.nextafter(0, 1)
    ) -> None:
        value = getattr(self, name)
        is_pair = isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_finite, value))
        if not (is_pair and least <= value[0] <= value[1] <= high):
            raise UsageError(f"augment.{name}: expected {expected}, got {value!r}")
        object.__setattr__(self, name, tuple(value))  # JSON brings lists


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
