"""What a recipe has to know of a data set, from a look at a few of its training images."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from foveal.errors import BadImagesError, DataError, ImageError
from foveal.images import decode
from foveal.types import Depth, Sample, instances_in

PROBED = 64


@dataclass(frozen=True, kw_only=True)
class DataFacts:
    """Numbers a recipe chooses by."""

    num_train: int
    num_classes: int
    side: int
    """Median of the shorter side of the probed images, in pixels."""
    aspect: float = 1.0
    """Median of width over height of the probed images."""
    longer: int = 0
    """Median of the longer side of the probed images, in pixels."""
    channels: int
    """1 where every probed image is grey, 3 for colour files, an array's own count."""
    depth: Depth = "uint8"
    """uint16 where a probed image holds more than 8 bits."""
    with_masks: int = 0
    """Training objects that have a mask, and may be learned by it: crowds are not."""


def probe(samples: Sequence[Sample], num_classes: int) -> DataFacts:
    """Looks at up to 64 evenly spread training images; those that can't be decoded are passed over here.

    Raises DataError where there is nothing to train on, or where arrays disagree in their channels.
    """
    if not samples:
        raise DataError("no training images: the data set has none in its train split")
    known = samples[0].annotation
    if num_classes < 2 and (known is None or num_classes < known.LEAST_CLASSES):
        raise DataError(f"{num_classes} class: a classifier needs at least 2 (one folder or label a class)")
    probed = min(PROBED, len(samples))
    sizes, channels, depths, errors = [], set(), set(), []
    for sample in [samples[index * len(samples) // probed] for index in range(probed)]:
        try:
            pixels = decode(sample.image.read(), name=sample.id, depth=None)
        except ImageError as error:
            errors.append(error)
            continue
        sizes.append((pixels.shape[0], pixels.shape[1]))
        channels.add(pixels.shape[2])
        depths.add(pixels.dtype.name)
    if not sizes:
        raise BadImagesError(errors)
    if channels - {1, 3} and len(channels) > 1:
        raise DataError(f"the images have {', '.join(map(str, sorted(channels)))} channels; expected one count for all")
    return DataFacts(
        num_train=len(samples),
        num_classes=num_classes,
        side=round(median(min(size) for size in sizes)),
        longer=round(median(max(size) for size in sizes)),
        aspect=median(width / height for height, width in sizes),
        channels=max(channels),
        depth="uint16" if "uint16" in depths else "uint8",
        with_masks=sum(each.mask is not None and not each.crowd for each in instances_in(samples)),
    )
