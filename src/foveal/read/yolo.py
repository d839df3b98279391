"""YOLO: data.yaml with names and folders of images, and labels/x.txt for images/x.jpg."""

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from foveal.annotations import Instance, Objects, Polygons
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.instances import Header, ImageIndex, InstanceCheck, read_headers, safe_parts
from foveal.read.names import listed, natural_key, read_lines, refuse
from foveal.read.reader import Reader
from foveal.read.writing import (
    check_instances,
    copy_image,
    new_folder,
    relative_name,
    require_no_groups,
    require_splits,
    shown_size,
)
from foveal.types import SPLITS, Dataset, Sample, Split

_SNIFFED = 1 << 16


def read_yolo(path: Path) -> Dataset:
    """The images and boxes, or polygons, of YOLO's label files. `path` is a data.yaml, or the folder that holds one.

    A split is a folder of images, a .txt file that lists them, or a list of such; it is looked for below the .yaml
    file, with and without what `path` in it says and without leading "../", which tools write. The labels of
    `images/a/x.jpg` are in `labels/a/x.txt`, or in x.txt beside it; an image without is a background, but where none
    has any, that is a problem. A line holds a class, counted from 0, and the box's centre, width and height, or a
    polygon's points, all in shares of the image.

    Raises DataError that lists up to 20 problems with file and line.
    """
    file = _data_file(path)
    root = file.parent
    content = _content(file)
    names = content["names"]
    classes = tuple(str(name) for _, name in sorted(names.items())) if isinstance(names, Mapping) else tuple(names)
    problems: list[str] = []
    index = ImageIndex(root)
    splits = _splits(root, file.name, content, index, problems)
    texts = {name for name in index.others if name.lower().endswith(".txt")}
    labels = {name: each for name in splits if (each := _label_file(name, texts)) is not None}
    if splits and not labels:  # folders of another name, far likelier than images with nothing in them
        problems.append("no image has a label file: expected labels/x.txt for images/x.jpg, or x.txt beside it")
    headers = read_headers([root / name for name in splits])
    samples = [
        _sample(root, name, split, header, labels.get(name), len(classes), problems)
        for (name, split), header in zip(splits.items(), headers, strict=True)
    ]
    refuse(path, problems)
    return Dataset(
        name=root.resolve().name,
        format=YOLO.name,
        root=root,
        classes=classes,
        samples=tuple(samples),
        ignored=tuple(sorted(set(index.others) - set(labels.values()) - {file.name}, key=natural_key)),
    )


def recognises_yolo(path: Path) -> bool:
    """A .yaml file with names and train, or a folder with exactly one."""
    return len(yaml_files(path)) == 1


def yaml_files(path: Path) -> list[Path]:
    """The .yaml files that look like a data set's."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    return [
        file for file in files if file.suffix.lower() in (".yaml", ".yml") and file.is_file() and _looks_right(file)
    ]


def write_yolo(dataset: Dataset, path: Path) -> None:
    """Copies the images to `path/images/[split]/` and writes `labels/` and `data.yaml`; outlines as polygons.

    Raises DataError for what the format can't hold: groups, and samples without a split.
    """
    check_instances(dataset)
    require_no_groups(dataset, "yolo")
    require_splits(dataset, "yolo")
    with new_folder(path) as folder:
        taken: dict[str, int] = {}
        for sample in dataset.samples:
            assert sample.split is not None
            name = relative_name(sample, taken, below=["images", sample.split], by_stem=True)
            copy_image(sample, folder / name)
            size_hw = shown_size(sample, folder / name)
            labels = folder / _label_place(name)
            labels.parent.mkdir(parents=True, exist_ok=True)
            rows = [_written(instance, size_hw) for instance in sample.known(Objects).instances]
            labels.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
        used = [split for split in SPLITS if any(sample.split == split for sample in dataset.samples)]
        content: dict[str, Any] = {split: f"images/{split}" for split in used}
        content["names"] = dict(enumerate(dataset.classes))
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
        (folder / "data.yaml").write_text(text, encoding="utf-8")


def _data_file(path: Path) -> Path:
    if path.is_file():
        return path
    found = yaml_files(path)
    if len(found) != 1:
        names = listed([file.name for file in found])
        raise DataError(
            f"{path}: expected one .yaml file with names and train, found {names or 'none'}; name the file itself"
        )
    return found[0]


def _looks_right(file: Path) -> bool:
    with file.open("rb") as opened:
        start = opened.read(_SNIFFED)
    return b"names" in start and b"train" in start


def _content(file: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise DataError(f"{file}: is no YAML: {' '.join(str(error).split())}") from None
    names = content.get("names") if isinstance(content, dict) else None
    numbered = isinstance(names, dict) and sorted(names) == list(range(len(names)))
    if not names or not (numbered or (isinstance(names, list) and all(isinstance(name, str) for name in names))):
        raise DataError(f"{file}: expected names: a list of class names, or each under its number from 0")
    return dict(content)


def _splits(
    root: Path, where: str, content: Mapping[str, Any], index: ImageIndex, problems: list[str]
) -> dict[str, Split]:
    """Each image's path below the root and its split."""
    images = sorted(index.paths(), key=natural_key)
    found: dict[str, Split] = {}
    for split in SPLITS:
        named = content.get(split) or []
        for place in [named] if isinstance(named, str) else named:
            try:
                inside = _images_at(root, _placed(root, content.get("path"), str(place)), images, index)
            except LookupError as error:
                problems.append(f"{where}: {split}: {place} {error}")
                continue
            for name in inside:
                if found.setdefault(name, split) != split:
                    problems.append(f"{where}: {name} is both for {found[name]} and for {split}")
    return found


def _placed(root: Path, prefix: object, place: str) -> tuple[str, ...]:
    """The folder or list that a split names, as parts below the root."""
    tries = [PurePosixPath(str(prefix), place)] if prefix else []
    stripped = PurePosixPath(*[part for part in PurePosixPath(place).parts if part not in ("..", ".", "/")])
    for each in (*tries, PurePosixPath(place), stripped):
        try:
            parts = tuple(part for part in safe_parts(str(each)) if part != ".")
        except LookupError:
            continue
        if root.joinpath(*parts).exists():
            return parts
    raise LookupError("is not there (looked for below the .yaml file)")


def _images_at(root: Path, parts: tuple[str, ...], images: Sequence[str], index: ImageIndex) -> list[str]:
    place = root.joinpath(*parts)
    if place.is_dir():
        inside = "".join(f"{part}/" for part in parts)
        found = [name for name in images if name.startswith(inside)]
        if not found:
            raise LookupError("holds no images")
        return found
    lines = [line.strip() for line in read_lines(place)]
    return [index.find(line.removeprefix("./"), split=None) for line in lines if line]


def _label_file(image: str, texts: set[str]) -> str | None:
    """The label file of an image, where there is one: in its place, or beside it."""
    path = PurePosixPath(image)
    return next((str(each) for each in (_label_place(path), path.with_suffix(".txt")) if str(each) in texts), None)


def _label_place(image: PurePosixPath) -> PurePosixPath:
    """Where an image's label file lies: labels/ in the place of the last images/ of its path."""
    path = image.with_suffix(".txt")
    places = [place for place, folder in enumerate(path.parts[:-1]) if folder == "images"]
    if not places:
        return path
    return PurePosixPath(*path.parts[: places[-1]], "labels", *path.parts[places[-1] + 1 :])


def _sample(
    root: Path,
    name: str,
    split: Split,
    header: Header | None,
    labels: str | None,
    num_classes: int,
    problems: list[str],
) -> Sample:
    size_hw = None if header is None else header.size_hw
    check = InstanceCheck(size_hw, problems)
    if labels is not None and size_hw is not None:
        for line, text in _label_lines(root, labels, problems):
            try:
                check.add(_instance(text.split(), size_hw, num_classes), f"{labels}:{line}")
            except ValueError as error:
                problems.append(f"{labels}:{line}: {error}")
    return Sample(
        id=name, image=FileImage(root / name), split=split, annotation=Objects(tuple(check.instances)), size_hw=size_hw
    )


def _label_lines(root: Path, labels: str, problems: list[str]) -> list[tuple[int, str]]:
    """The lines that hold something, and their numbers."""
    try:
        lines = read_lines(root / labels, name=labels)
    except DataError as error:
        problems.append(str(error))
        return []
    return [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _instance(words: Sequence[str], size_hw: tuple[int, int], num_classes: int) -> Instance:
    """Raises ValueError that says what is wrong with the line."""
    try:
        number, *shares = (float(word) for word in words)
    except ValueError:
        raise ValueError(f"expected numbers, got {' '.join(words)[:60]!r}") from None
    if number not in range(num_classes):
        raise ValueError(f"class {number:g}: there are classes 0 to {num_classes - 1}")
    height, width = size_hw
    if len(shares) == 4:
        x, y, w, h = shares
        box = ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height)
        return Instance(label=int(number), box_xyxy=box)
    if len(shares) < 6 or len(shares) % 2:
        raise ValueError(f"expected a class and 4 numbers, or 6 and more for a polygon, got {len(shares)}")
    xs, ys = [share * width for share in shares[::2]], [share * height for share in shares[1::2]]
    ring = tuple(value for point in zip(xs, ys, strict=True) for value in point)
    return Instance(label=int(number), box_xyxy=(min(xs), min(ys), max(xs), max(ys)), mask=Polygons((ring,)))


def _written(instance: Instance, size_hw: tuple[int, int]) -> str:
    height, width = size_hw
    if isinstance(instance.mask, Polygons) and len(instance.mask.rings) == 1:
        ring = instance.mask.rings[0]
        shares = [value / side for value, side in zip(ring, (width, height) * (len(ring) // 2), strict=True)]
    else:
        x1, y1, x2, y2 = instance.box_xyxy
        shares = [(x1 + x2) / 2 / width, (y1 + y2) / 2 / height, (x2 - x1) / width, (y2 - y1) / height]
    return " ".join([str(instance.label), *(f"{share:.8f}" for share in shares)])


YOLO = Reader(
    name="yolo",
    title="YOLO: data.yaml, images/ and labels/*.txt",
    gives=(Objects,),
    unsupported=("rings", "crowd", "difficult"),
    recognises=recognises_yolo,
    read=read_yolo,
    write=write_yolo,
)
