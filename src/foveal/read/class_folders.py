"""Class folders: DATA/cat/*.jpg, or DATA/train/cat/*.jpg beside val/ and test/."""

import os
import unicodedata
from pathlib import Path, PurePosixPath

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.imagefolder import metadata_files, root_metadata
from foveal.read.names import JUNK, listed, natural_key, natural_sorted, refuse, split_of
from foveal.read.reader import Reader
from foveal.read.walk import File, walk
from foveal.read.writing import check_writable, copy_image, new_folder, relative_name, require_no_groups
from foveal.types import SPLITS, Dataset, Sample, Split


def read_class_folders(path: Path) -> Dataset:
    """The images of class folders, in natural order of their paths, which are their ids.

    A folder named train, val or test (also training, valid, validation, testing, in any letter case) is a
    split where images lie in folders inside it, and a class where they lie in it directly. Folders inside a
    class belong to it. Hidden files, Thumbs.db and the like are skipped; other files without an image suffix
    are in `ignored`, and so are links that lead out of `path` or back into a folder they lie in. Class names
    are compared as Unicode NFC, so that a copy by way of a Mac stays the same data set.

    Raises DataError for images outside any class folder, an empty class folder, two folders for one split, and where
    there are no images.
    """
    files = list(walk(path))
    images = [file.parts for file in files if file.is_image]
    if not images:
        raise DataError(f"{path}: no images in class folders{_among(files)}")
    splits = _split_folders(images)
    depth = 1 if splits else 0
    classes = natural_sorted(_nfc(parts[depth]) for parts in images if len(parts) > depth + 1)
    refuse(path, _problems(path, images, splits, classes))
    labels = {name: ClassLabel(index) for index, name in enumerate(classes)}
    samples = [
        Sample(
            id=_nfc("/".join(parts)),
            image=FileImage(path.joinpath(*parts)),
            annotation=labels[_nfc(parts[depth])],
            split=splits[parts[0]] if splits else None,
        )
        for parts in images
    ]
    return Dataset(
        name=path.resolve().name,
        format=CLASS_FOLDERS.name,
        root=path,
        classes=classes,
        samples=tuple(sorted(samples, key=lambda sample: natural_key(sample.id))),
        ignored=tuple(sorted(("/".join(file.parts) for file in files if not file.is_image), key=natural_key)),
    )


def recognises_class_folders(path: Path) -> bool:
    """A folder with images in folders of it, unless they are one folder of images beside a table, or have metadata."""
    if not path.is_dir():
        return False
    if metadata_files(path):
        return False  # the folders below its splits are no classes
    inside = _folders_with_images(path)
    if not inside or all(split_of(name) and direct for name, direct in inside.items()):
        return False
    if len(inside) == 1 and not any(split_of(name) for name in inside):
        # `images/` beside `labels.csv` is what the table's paths lead into, and no class.
        return not (root_metadata(path) or any(name.suffix.lower() in (".csv", ".tsv") for name in path.iterdir()))
    return True


def write_class_folders(dataset: Dataset, path: Path) -> None:
    """Copies the images' files as they are to `path/[split/]class/`; arrays are written as PNG.

    Raises DataError for what such folders can't hold: groups, unknown labels, classes without images, splits
    given to some samples only, class names that are no folder names.
    """
    check_writable(dataset)
    require_no_groups(dataset, "class folders")
    refuse(path, [f"class {name!r} can't be a folder's name" for name in _unusable(dataset)])
    if len({sample.split is None for sample in dataset.samples}) == 2:
        raise DataError(f"{path}: some samples have a split and some have none; assign the splits first")
    with new_folder(path) as folder:
        taken: dict[str, int] = {}
        for sample in dataset.samples:
            class_name = dataset.classes[sample.known(ClassLabel).index]
            prefix = [sample.split, class_name] if sample.split else [class_name]
            name = relative_name(sample, taken, below=prefix)
            copy_image(sample, folder / name)


def _folders_with_images(path: Path) -> dict[str, bool]:
    """Folders directly below `path` with an image in them at any depth → whether one lies in it directly."""
    found: dict[str, bool] = {}
    real = os.path.realpath(path)
    for folder in path.iterdir():
        if folder.is_symlink() or folder.name.startswith(".") or not folder.is_dir():
            continue
        images = (file for file in walk(folder, chain=(real, str(Path(real, folder.name)))) if file.is_image)
        if (first := next(images, None)) is not None:
            found[folder.name] = len(first.parts) == 1
    return found


def _split_folders(images: list[tuple[str, ...]]) -> dict[str, Split]:
    """Folder name → split, where images lie in class folders inside folders named like splits; else empty."""
    nested = {parts[0] for parts in images if len(parts) > 2}
    direct = {parts[0] for parts in images if len(parts) == 2}
    return {name: split for name in sorted(nested - direct) if (split := split_of(name)) is not None}


def _problems(
    path: Path, images: list[tuple[str, ...]], splits: dict[str, Split], classes: tuple[str, ...]
) -> list[str]:
    problems = []
    loose = sorted(("/".join(parts) for parts in images if len(parts) == 1), key=natural_key)
    if loose:
        problems.append(f"images outside any class folder: {listed(loose)}; move them into one, or away")
    beside = natural_sorted(parts[0] for parts in images if len(parts) > 1 and parts[0] not in splits)
    if splits and beside:
        problems.append(
            f"the split folders {listed(list(splits))} and the folders {listed(beside)} stand side by side; "
            "images have to lie in train/CLASS/, val/CLASS/ and test/CLASS/, or in CLASS/ only"
        )
        return problems
    if beside and all(split_of(name) for name in beside):
        problems.append(f"images lie in {listed(beside)} directly; they have to lie in class folders inside")
        return problems
    empty = _empty_folders(path, list(splits) or [""], set(classes))
    problems += [f"class folder {name} holds no images; fill it or remove it" for name in empty]
    return problems + _same_split(list(splits))


def _same_split(split_folders: list[str]) -> list[str]:
    """Two folders for one split."""
    problems = []
    for split in SPLITS:
        named = [name for name in split_folders if split_of(name) == split]
        if len(named) > 1:
            problems.append(f"{' and '.join(named)} both mean the {split} split; leave one")
    return problems


def _empty_folders(path: Path, parents: list[str], classes: set[str]) -> list[str]:
    """Folders that stand where classes do and hold no image in any split."""
    found = set()
    for parent in parents:
        for folder in (path / parent).iterdir():
            hidden = folder.name.startswith(".") or folder.name.casefold() in JUNK
            if folder.is_dir() and not folder.is_symlink() and not hidden:
                found.add(_nfc(folder.name))
    return sorted(found - classes, key=natural_key)


def _among(files: list[File]) -> str:
    if not files:
        return ": it holds no files"
    names = sorted(("/".join(file.parts) for file in files), key=natural_key)
    return f" among its {len(files)} files ({listed(names)})"


def _unusable(dataset: Dataset) -> list[str]:
    """Class names that can't be folders on every system, or would be read as something else."""
    lowered = [name.casefold() for name in dataset.classes]
    reserved = {"con", "prn", "aux", "nul", *(f"{kind}{n}" for kind in ("com", "lpt") for n in range(1, 10))}
    return [
        name
        for name, low in zip(dataset.classes, lowered, strict=True)
        if not name
        or any(character in '<>:"/\\|?*' or ord(character) < 32 for character in name)
        or name.startswith(".")
        or name.endswith((".", " "))
        or low in JUNK
        or PurePosixPath(low).stem in reserved
        or lowered.count(low) > 1
        or _nfc(name) != name
    ]


def _nfc(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


CLASS_FOLDERS = Reader(
    name="class-folders",
    title="DATA/CLASS/*.jpg, or DATA/train/CLASS/*.jpg beside val/ and test/",
    recognises=recognises_class_folders,
    read=read_class_folders,
    write=write_class_folders,
)
