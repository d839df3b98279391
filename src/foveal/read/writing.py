"""What the writers share: a new folder, whole or not at all; names in it; images copied as they are."""

import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from foveal.annotations import ClassLabel, LabelSet, Numbers, Objects
from foveal.errors import DataError, ImageError
from foveal.images import IMAGE_SUFFIXES, decode, read_header
from foveal.images.formats import sniff
from foveal.images.sources import file_of
from foveal.read.names import listed, split_of
from foveal.types import Dataset, Sample

_SUFFIXES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "GIF": ".gif",
    "BMP": ".bmp",
    "TIFF": ".tif",
    "PPM": ".pnm",
}


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end and disappears where anything fails on the way.

    Raises DataError where `path` exists and is not an empty folder.
    """
    if not (path.is_dir() and not any(path.iterdir())):
        refuse_existing(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.parent / f".{path.name}.{uuid.uuid4().hex[:8]}.partial"
    partial.mkdir()
    try:
        yield partial
        if path.exists():
            path.rmdir()
        partial.rename(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def refuse_existing(path: Path) -> None:
    """Raises DataError where something would be overwritten."""
    if path.exists():
        raise DataError(f"{path}: exists already; write to a new place")


def check_samples(dataset: Dataset) -> None:
    """Raises DataError where there are no samples."""
    if not dataset.samples:
        raise DataError(f"{dataset.name}: there are no samples to write")


def check_writable(dataset: Dataset) -> None:
    """Raises DataError for what no format of classes holds: no samples, unknown labels, classes without samples."""
    check_samples(dataset)
    if dataset.annotates in (Numbers, LabelSet):
        raise DataError(f"{dataset.name}: this format holds one class an image; csv and arrays hold numbers and sets")
    unknown = [each.id for each in dataset.samples if not isinstance(each.annotation, ClassLabel)]
    if unknown:
        raise DataError(f"{dataset.name}: samples without a label can't be written: {listed(unknown)}")
    used = {sample.known(ClassLabel).index for sample in dataset.samples}
    empty = [name for label, name in enumerate(dataset.classes) if label not in used]
    if empty:
        raise DataError(f"{dataset.name}: classes without samples can't be written: {listed(empty)}")


def check_instances(dataset: Dataset) -> None:
    """Raises DataError for what no format of boxes holds: no samples, and samples without instances."""
    check_samples(dataset)
    without = [each.id for each in dataset.samples if not isinstance(each.annotation, Objects)]
    if without:
        raise DataError(f"{dataset.name}: these images have no boxes, not even an empty list: {listed(without)}")


def shown_size(sample: Sample, written: Path) -> tuple[int, int]:
    """(height, width) of a sample whose image was written. Raises ImageError where it can't be read."""
    return sample.size_hw or read_header(written).size_hw


def require_no_groups(dataset: Dataset, format: str) -> None:
    """Raises DataError where writing would lose which samples belong together."""
    if any(sample.group is not None for sample in dataset.samples):
        raise DataError(f"{dataset.name}: {format} can't hold the samples' groups; write csv")


def require_splits(dataset: Dataset, format: str) -> None:
    """Raises DataError for samples without a split, where a format has no place for them."""
    if any(sample.split is None for sample in dataset.samples):
        raise DataError(f"{dataset.name}: {format} needs a split for every image; assign the splits first")


def check_line_names(dataset: Dataset) -> None:
    """Raises DataError for class names that can't be lines of a text file."""
    odd = [name for name in dataset.classes if not name.strip() or len(name.splitlines()) > 1]
    if odd:
        raise DataError(f"{dataset.name}: class names that are no line of text can't be written: {odd}")


def relative_name(
    sample: Sample, taken: dict[str, int], *, below: Sequence[str], by_stem: bool = False
) -> PurePosixPath:
    """Where the sample's file goes in the new folder: its id inside the folders `below`, unique as `free_name` has it.

    Folders of the id that say the same as `below` already are not repeated: "Training/cat/1.jpg" below
    ("train", "cat") stays "train/cat/1.jpg".
    """
    parts = _id_parts(sample)
    for name in below:
        if len(parts) > 1 and (parts[0] == name or split_of(parts[0]) == name):
            parts = parts[1:]
    return free_name(PurePosixPath(*below, *parts), taken, by_stem=by_stem)


def free_name(wanted: PurePosixPath, taken: dict[str, int], *, by_stem: bool) -> PurePosixPath:
    """`wanted`, with a number behind its stem where that name is in `taken`, in any letter case; and notes it there.

    taken: the last number that each name was given. by_stem: names that differ in their suffix only are the same, for
    images beside which, or in whose place, another file of that name lies.
    """
    found, number = wanted, taken.get(_compared(wanted, by_stem), 1)
    while _compared(found, by_stem) in taken:
        number += 1
        found = wanted.with_stem(f"{wanted.stem}-{number}")
    taken[_compared(found, by_stem)] = 1
    taken[_compared(wanted, by_stem)] = number
    return found


def copy_image(sample: Sample, target: Path) -> None:
    """The file's bytes as they are; other images as PNG. Raises ImageError for what can't be read or written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if (file := file_of(sample.image)) is not None:
        copy_file(file, target)
        return
    pixels = pixels_of(sample)
    if pixels.shape[2] not in (1, 3):
        raise ImageError(sample.id, f"has {pixels.shape[2]} channels; an image file holds 1 or 3")
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(target, format="PNG")


def copy_file(source: Path, target: Path) -> None:
    """The file's bytes as they are. Raises ImageError for what can't be read or written."""
    try:
        with source.open("rb") as opened, target.open("wb") as file:
            shutil.copyfileobj(opened, file)
    except OSError as error:
        raise ImageError(source, f"can't be copied: {error.strerror or error}") from None


def pixels_of(sample: Sample) -> np.ndarray:
    """The sample decoded: uint8 (H, W, C)."""
    return decode(sample.image.read(), name=sample.id)


def _compared(name: PurePosixPath, by_stem: bool) -> str:
    return str(name.with_suffix("") if by_stem else name).casefold()


def _id_parts(sample: Sample) -> list[str]:
    path = PurePosixPath(sample.id)
    is_absolute = path.is_absolute() or ":" in path.parts[0]
    parts = [_portable(part) for part in ([path.name] if is_absolute else path.parts) if part != ".."]
    if PurePosixPath(parts[-1]).suffix.lower() not in IMAGE_SUFFIXES:
        parts[-1] += _suffix_for(sample)
    return parts


def _suffix_for(sample: Sample) -> str:
    file = file_of(sample.image)
    if file is None:
        return ".png"
    try:
        with file.open("rb") as opened:
            format = sniff(opened.read(32))
    except OSError as error:
        raise ImageError(file, f"can't be copied: {error.strerror or error}") from None
    if format is None:
        raise ImageError(file, "is no image that is read, and can't be written as one")
    return _SUFFIXES[format]


def _portable(name: str) -> str:
    """The name without what some system forbids in file names, and not hidden."""
    kept = "".join("_" if character in '<>:"|?*\\' or ord(character) < 32 else character for character in name)
    return f"_{kept[1:]}" if kept.startswith(".") else kept
