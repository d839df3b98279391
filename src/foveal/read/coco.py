"""COCO: annotations/instances_train2017.json beside images/train2017/*.jpg, or one .json with its images."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from foveal.annotations import Instance, Objects, Polygons, RunLengths
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.ops.masks import compressed, to_json
from foveal.read.instances import ImageIndex, InstanceCheck, read_headers, size_fault, split_in
from foveal.read.names import listed, refuse
from foveal.read.reader import Reader
from foveal.read.writing import check_instances, copy_image, new_folder, relative_name, require_no_groups, shown_size
from foveal.types import Dataset, Sample, Split

_SNIFFED = 1 << 16


def read_coco(path: Path) -> Dataset:
    """The images and instances of COCO's object detection format. `path` is a folder, or one annotation file.

    Annotation files are the .json files in the folder, in `annotations/` or in the splits' own folders that hold
    images, annotations and categories; where some are named instances_*, those alone. A file's split is the word
    train, val or test in its name or its folder's. An image is found wherever its file name lies below the folder.
    Classes are the categories in the order of their ids: class 0 is the first, and there is none for the background.
    Annotations whose box has a width or height of 0, of which COCO's own train2017 has two, are left out and counted in
    `notes`.

    Raises DataError that lists up to 20 problems: files that are no such JSON, images that are missing or of another
    size than stated, boxes that are inverted, doubled or outside, masks of another size than their image, unknown ids.
    """
    root = path if path.is_dir() else path.parent
    files = annotation_files(path)
    if not files:
        raise DataError(f"{path}: no .json with images, annotations and categories")
    problems: list[str] = []
    contents = {file: _content(file) for file in files}
    classes = _classes(root, contents, problems)
    index = ImageIndex(root)
    samples: list[Sample] = []
    notes: list[str] = []
    for file, content in contents.items():
        samples += _samples(file, content, classes, index, root, problems, notes)
    ids = [sample.id for sample in samples]
    problems += [f"{name}: is in more than one annotation file" for name, times in Counter(ids).items() if times > 1]
    refuse(path, problems)
    return Dataset(
        name=path.resolve().stem,
        format=COCO.name,
        root=root,
        classes=tuple(classes.values()),
        samples=tuple(samples),
        ignored=tuple(sorted(set(index.others) - {file.relative_to(root).as_posix() for file in files})),
        notes=tuple(notes),
    )


def recognises_coco(path: Path) -> bool:
    """A .json, or a folder with one, that begins as COCO's do."""
    return bool(annotation_files(path))


def annotation_files(path: Path) -> list[Path]:
    """The files that look like COCO's annotations; those named instances_* alone, where there are such."""
    if path.is_file():
        return [path] if _looks_right(path) else []
    folders = [path, *(folder for folder in sorted(path.iterdir()) if _holds_annotations(folder))]
    found = [file for folder in folders for file in sorted(folder.glob("*.json")) if _looks_right(file)]
    return [file for file in found if file.name.startswith("instances_")] or found


def write_coco(dataset: Dataset, path: Path) -> None:
    """Copies the images to `path/images/[split]/` and writes `path/annotations/instances_[split].json` for each split.

    Raises DataError for what the format can't hold: groups, and images of unknown size.
    """
    check_instances(dataset)
    require_no_groups(dataset, "coco")
    with new_folder(path) as folder:
        (folder / "annotations").mkdir()
        taken: dict[str, int] = {}
        numbered = list(enumerate(dataset.samples, start=1))
        for split in dict.fromkeys(sample.split for sample in dataset.samples):
            images, annotations = [], []
            for number, sample in numbered:
                if sample.split != split:
                    continue
                name = relative_name(sample, taken, below=["images", *([split] if split else [])])
                copy_image(sample, folder / name)
                height, width = shown_size(sample, folder / name)
                file_name = name.relative_to("images").as_posix()
                images.append({"id": number, "file_name": file_name, "width": width, "height": height})
                annotations += [annotation_row(instance, number) for instance in sample.known(Objects).instances]
            content = {
                "images": images,
                "annotations": [{"id": index, **each} for index, each in enumerate(annotations, start=1)],
                "categories": category_rows(dataset.classes),
            }
            file = folder / "annotations" / f"instances_{split or 'all'}.json"
            file.write_text(json.dumps(content), encoding="utf-8")


def annotation_row(instance: Instance, image: int) -> dict[str, Any]:
    """An instance of the image with that id, as COCO's annotation files have it, but for its own id."""
    x1, y1, x2, y2 = instance.box_xyxy
    row: dict[str, Any] = {
        "image_id": image,
        "category_id": instance.label + 1,
        "bbox": [x1, y1, x2 - x1, y2 - y1],
        "area": (x2 - x1) * (y2 - y1) if instance.area is None else instance.area,
        "iscrowd": int(instance.crowd),
    }
    if isinstance(instance.mask, Polygons):
        row["segmentation"] = [list(ring) for ring in instance.mask.rings]
    elif isinstance(instance.mask, RunLengths):
        row["segmentation"] = to_json(instance.mask)
    return row


def category_rows(classes: Sequence[str]) -> list[dict[str, Any]]:
    """The classes as COCO's annotation files have them: ids from 1 on."""
    return [{"id": index, "name": name} for index, name in enumerate(classes, start=1)]


def _looks_right(file: Path) -> bool:
    if file.suffix.lower() != ".json" or not file.is_file():
        return False
    with file.open("rb") as opened:
        start = opened.read(_SNIFFED).lstrip()
    return start.startswith(b"{") and any(key in start for key in (b'"images"', b'"annotations"', b'"categories"'))


def _holds_annotations(folder: Path) -> bool:
    return folder.is_dir() and (folder.name == "annotations" or split_in(folder.name) is not None)


def _content(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except ValueError as error:
        raise DataError(f"{file}: is no JSON: {error}") from None
    for key in ("images", "annotations", "categories"):
        if not isinstance(content.get(key), list) or not all(isinstance(each, dict) for each in content[key]):
            raise DataError(f"{file}: expected a list of objects under {key!r}, as COCO's object detection format has")
    return dict(content)


def _classes(root: Path, contents: Mapping[Path, dict[str, Any]], problems: list[str]) -> dict[int, str]:
    """Class names by category id, in the order of the ids."""
    found: dict[int, str] = {}
    for file, content in contents.items():
        for category in content["categories"]:
            number, name = category.get("id"), category.get("name")
            if not isinstance(number, int) or not isinstance(name, str) or not name:
                problems.append(f"{_below(root, file)}: the category {category} has no id and name")
            elif found.setdefault(number, name) != name:
                problems.append(f"{_below(root, file)}: category {number} is {name!r}, and {found[number]!r} elsewhere")
    problems += [
        f"{times} categories are named {name!r}" for name, times in Counter(found.values()).items() if times > 1
    ]
    return dict(sorted(found.items()))


def _samples(
    file: Path,
    content: dict[str, Any],
    classes: Mapping[int, str],
    index: ImageIndex,
    root: Path,
    problems: list[str],
    notes: list[str],
) -> list[Sample]:
    """The samples of one annotation file, in its order."""
    where = _below(root, file)
    split: Split | None = split_in(file.stem) or split_in(file.parent.name)
    found = _images(where, content["images"], index, split, problems)
    paths = [root / each[0] for each in found.values()]
    checks: dict[int, InstanceCheck] = {}
    for (number, (name, stated)), header in zip(found.items(), read_headers(paths), strict=True):
        fault = "" if header is None else size_fault(header, stated)
        if fault:
            problems.append(f"{where}: {name} {fault}")
        checks[number] = InstanceCheck(stated, problems)
    flat = _fill(where, content, classes, checks, problems)
    if flat:
        all_of_them = len(content["annotations"])
        notes.append(
            f"{where}: left out {len(flat):,} of {all_of_them:,} annotations, for boxes without area: {listed(flat)}"
        )
    return [
        Sample(
            id=name,
            image=FileImage(root / name),
            split=split,
            annotation=Objects(tuple(checks[number].instances)),
            size_hw=stated,
        )
        for number, (name, stated) in found.items()
    ]


def _fill(
    where: str,
    content: dict[str, Any],
    classes: Mapping[int, str],
    checks: Mapping[int, InstanceCheck],
    problems: list[str],
) -> list[str]:
    """Adds the annotations to their images' checks; the ids of those that are left out, for boxes without area."""
    flat: list[str] = []
    known = {each.get("id") for each in content["images"]}
    labels = {number: label for label, number in enumerate(classes)}
    for annotation in content["annotations"]:
        what = f"{where}: annotation {annotation.get('id', '')}"
        check = checks.get(annotation.get("image_id", -1))
        if check is None:
            if annotation.get("image_id") not in known:
                problems.append(f"{what}: its image_id {annotation.get('image_id')} is no image's")
            continue
        if annotation.get("category_id") not in labels:
            problems.append(f"{what}: its category_id {annotation.get('category_id')} is no category's")
            continue
        try:
            instance = _instance(annotation, labels[annotation["category_id"]])
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{what}: its bbox or segmentation is none of COCO's: {error}")
            continue
        mask_hw = instance.mask.size_hw if isinstance(instance.mask, RunLengths) else check.size_hw
        if mask_hw is not None and mask_hw != check.size_hw:
            problems.append(f"{what}: its mask is of {mask_hw[1]}×{mask_hw[0]} pixels, which its image is not")
        elif _is_flat(annotation):
            flat.append(str(annotation.get("id", "")))
        else:
            check.add(instance, what)
    return flat


def _is_flat(annotation: dict[str, Any]) -> bool:
    """Whether its box has a width or a height of 0, and none below."""
    _, _, width, height = (float(value) for value in annotation["bbox"])
    return 0 in (width, height) and min(width, height) >= 0


def _images(
    where: str, images: Sequence[dict[str, Any]], index: ImageIndex, split: Split | None, problems: list[str]
) -> dict[int, tuple[str, tuple[int, int]]]:
    """By image id, the path below the root and the stated (height, width)."""
    found: dict[int, tuple[str, tuple[int, int]]] = {}
    for image in images:
        name, number = image.get("file_name"), image.get("id")
        height, width = image.get("height"), image.get("width")
        if not (
            isinstance(name, str) and isinstance(number, int) and isinstance(height, int) and isinstance(width, int)
        ):
            problems.append(f"{where}: the image {image} has no id, file_name, height and width")
            continue
        if number in found:
            problems.append(f"{where}: two images have the id {number}")
            continue
        try:
            found[int(number)] = index.find(name, split=split), (int(height), int(width))
        except LookupError as error:
            problems.append(f"{where}: {name} {error}")
    return found


def _instance(annotation: dict[str, Any], label: int) -> Instance:
    x, y, width, height = (float(value) for value in annotation["bbox"])
    return Instance(
        label=label,
        box_xyxy=(x, y, x + width, y + height),
        mask=_mask(annotation.get("segmentation")),
        area=float(annotation["area"]) if "area" in annotation else None,
        crowd=bool(annotation.get("iscrowd", 0)),
    )


def _mask(segmentation: Any) -> Polygons | RunLengths | None:
    """Polygons as lists of x, y, …; run lengths as lists of counts or compressed."""
    if not segmentation:
        return None
    if isinstance(segmentation, list):
        rings = tuple(tuple(float(value) for value in ring) for ring in segmentation)
        if any(len(ring) < 6 or len(ring) % 2 for ring in rings):
            raise ValueError("a polygon needs three points or more, x and y each")
        return Polygons(rings)
    height, width = (int(value) for value in segmentation["size"])
    counts = segmentation["counts"]
    if isinstance(counts, list):
        if sum(counts) != height * width:
            raise ValueError(f"run lengths of {sum(counts):,} pixels in all, for {width}×{height}")
        return compressed([int(value) for value in counts], (height, width))
    return RunLengths((height, width), str(counts).encode("ascii"))


def _below(root: Path, file: Path) -> str:
    return file.relative_to(root).as_posix()


COCO = Reader(
    name="coco",
    title="COCO: annotations/instances_*.json beside the images, or one such .json",
    gives=(Objects,),
    unsupported=("difficult",),
    recognises=recognises_coco,
    read=read_coco,
    write=write_coco,
)
