"""Images and label maps: images/x.jpg and masks/x.png, or train/x.jpg and trainannot/x.png."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from foveal.annotations import PixelClasses
from foveal.errors import DataError, ImageError
from foveal.images.label_map import VOID, read_label_map
from foveal.images.sources import FileImage
from foveal.read.instances import ImageIndex, read_headers, size_fault, split_in
from foveal.read.names import listed, natural_key, read_lines, refuse
from foveal.read.reader import Reader
from foveal.read.writing import copy_file, copy_image, new_folder, relative_name, require_no_groups
from foveal.types import Dataset, Sample, Split

MAP_FOLDERS = ("masks", "labels", "annotations", "label", "mask", "segmentationclass")
"""What the folder of label maps beside `images` or `JPEGImages` may be called, in any letter case; or x + "annot"."""
IMAGE_FOLDERS = ("images", "jpegimages", "image")
CLASSES_FILE = "classes.txt"
_SUFFIX = "annot"


@dataclass(frozen=True, slots=True)
class _Pair:
    image: str
    label_map: str


def read_label_maps(path: Path) -> Dataset:
    """Images with a class for every pixel, in natural order of their paths.

    A label map is a PNG, grey or with a palette, whose values are class indices from 0 on; 255 is void: pixels that do
    not count. It lies where its image would if the folder `masks` (see `MAP_FOLDERS`) were `images`, or `trainannot`
    were `train`. Splits are folders named like splits. Classes are the lines of classes.txt, else "class 0" to the
    highest index that occurs.

    Raises DataError that lists up to 20 problems: images without a label map and the reverse, sizes that differ,
    files that are no label maps, indices without a class.
    """
    index = ImageIndex(path)
    pairs, problems = _pairs(index.paths())
    named = _class_names(path / CLASSES_FILE)
    headers = read_headers([path / pair.image for pair in pairs])
    highest = -1
    for pair, header, found in zip(pairs, headers, _read_all([path / pair.label_map for pair in pairs]), strict=True):
        if isinstance(found, ImageError):
            problems.append(f"{pair.label_map}: {found.reason}")
            continue
        size_hw, top = found
        fault = "" if header is None else size_fault(header, size_hw)
        if fault:
            problems.append(f"{pair.image} {fault.replace('annotated', 'labelled')}")
        if named and top >= len(named):
            problems.append(f"{pair.label_map}: holds the index {top}; {CLASSES_FILE} names 0 to {len(named) - 1}")
        highest = max(highest, top)
    refuse(path, problems)
    samples = tuple(
        Sample(
            id=pair.image,
            image=FileImage(path / pair.image),
            split=_split(pair.image),
            annotation=PixelClasses(path / pair.label_map),
            size_hw=None if header is None else header.size_hw,
        )
        for pair, header in zip(pairs, headers, strict=True)
    )
    return Dataset(
        name=path.resolve().name,
        format=LABEL_MAPS.name,
        root=path,
        classes=named or tuple(f"class {number}" for number in range(highest + 1)),
        samples=samples,
        ignored=tuple(name for name in index.others if name != CLASSES_FILE),
    )


def recognises_label_maps(path: Path) -> bool:
    """A folder with a PNG that has an image where a label map's image lies."""
    if not path.is_dir():
        return False
    folders = [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
    inner = [each for folder in folders for each in folder.iterdir() if each.is_dir()]
    if not any(_is_map_folder(each.name.casefold()) for each in folders + inner):
        return False  # so that a large folder of another format is not gone through
    return bool(_pairs(ImageIndex(path).paths())[0])


def write_label_maps(dataset: Dataset, path: Path) -> None:
    """Copies the images to `path/images/[split]/`, the label maps to `path/masks/[split]/`, and writes classes.txt.

    Raises DataError for what the format can't hold: groups, and samples without a label map.
    """
    require_no_groups(dataset, "label-maps")
    without = [each.id for each in dataset.samples if not isinstance(each.annotation, PixelClasses)]
    if without or not dataset.samples:
        raise DataError(f"{dataset.name}: these images have no label map: {listed(without) or 'there are no images'}")
    with new_folder(path) as folder:
        taken: dict[str, int] = {}
        for sample in dataset.samples:
            below = ["images", *([sample.split] if sample.split else [])]
            name = relative_name(sample, taken, below=below, by_stem=True)
            copy_image(sample, folder / name)
            target = folder / PurePosixPath("masks", *name.parts[1:]).with_suffix(".png")
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_file(sample.known(PixelClasses).label_map, target)
        (folder / CLASSES_FILE).write_text("".join(f"{name}\n" for name in dataset.classes), encoding="utf-8")


def _pairs(images: Sequence[str]) -> tuple[list[_Pair], list[str]]:
    """Every image with its label map, in natural order, and what lacks its other half."""
    by_stem = {str(PurePosixPath(name).with_suffix("")).casefold(): name for name in images}
    pairs: list[_Pair] = []
    alone: list[str] = []
    for name in images:
        stems = _image_stems(name) if name.lower().endswith(".png") else []
        if found := next((by_stem[stem] for stem in stems if stem in by_stem), None):
            pairs.append(_Pair(found, name))
        elif stems:
            alone.append(f"{name}: is a label map without an image")
    maps, paired = {pair.label_map for pair in pairs}, {pair.image for pair in pairs}
    folders = {str(PurePosixPath(name).parent) for name in paired}
    bare = [
        f"{name}: has no label map"
        for name in images
        if name not in maps and name not in paired and str(PurePosixPath(name).parent) in folders
    ]
    return sorted(pairs, key=lambda pair: natural_key(pair.image)), sorted(alone + bare, key=natural_key)


def _image_stems(name: str) -> list[str]:
    """Where the image of a label map may lie, without its suffix and in lower case."""
    path = PurePosixPath(name.casefold()).with_suffix("")
    stems = []
    for place, folder in enumerate(path.parts[:-1]):
        if _is_map_folder(folder):
            swaps = IMAGE_FOLDERS if folder in MAP_FOLDERS else (folder.removesuffix(_SUFFIX),)
            stems += ["/".join([*path.parts[:place], swap, *path.parts[place + 1 :]]) for swap in swaps]
    return stems


def _is_map_folder(name: str) -> bool:
    return name in MAP_FOLDERS or (name.endswith(_SUFFIX) and name != _SUFFIX)


def _read_all(files: Sequence[Path]) -> list[tuple[tuple[int, int], int] | ImageError]:
    """Of each label map its (height, width) and its highest index but `VOID`, -1 where it has none."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_read_one, files))


def _read_one(file: Path) -> tuple[tuple[int, int], int] | ImageError:
    try:
        labels = read_label_map(file)
    except ImageError as error:
        return error
    counts = np.bincount(labels.reshape(-1), minlength=VOID + 1)[:VOID]
    return (labels.shape[0], labels.shape[1]), int(np.flatnonzero(counts).max(initial=-1))


def _class_names(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        return ()
    return tuple(line.strip() for line in read_lines(file) if line.strip())


def _split(image: str) -> Split | None:
    return next((split for part in PurePosixPath(image).parts[:-1] if (split := split_in(part))), None)


LABEL_MAPS = Reader(
    name="label-maps",
    title="images/x.jpg and masks/x.png, or train/x.jpg and trainannot/x.png: a class for every pixel",
    gives=(PixelClasses,),
    recognises=recognises_label_maps,
    read=read_label_maps,
    write=write_label_maps,
)
