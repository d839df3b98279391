"""Predictions as a COCO annotation file, which `read/coco.py` reads back: boxes, or the regions of a label map."""

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from foveal.answers.predicted import Outcome, Predicted
from foveal.files import atomic_path
from foveal.images import read_header
from foveal.read.archive_path import file_named
from foveal.read.coco import annotation_row, category_rows


def with_coco(predictions: Iterable[Outcome], classes: tuple[str, ...], path: Path) -> Iterator[Outcome]:
    """The predictions as they are; at the end all that were made are in the file at `path`.

    A detector's objects are annotations with their "score", and their masks where there are such. Of a label map every
    connected region of a class is one: polygons along the borders of its pixels, or run lengths where it has holes,
    which polygons can't express. Images that could not be read are left out.
    """
    files: list[Path] = []
    images, annotations = [], []
    for prediction in predictions:
        if isinstance(prediction, Predicted):
            files.append(file_named(prediction.path))
            height, width = read_header(files[-1]).size_hw
            images.append({"id": len(files), "width": width, "height": height})
            found = prediction.answer.instances()
            annotations += [{**annotation_row(each, len(files)), **more} for each, more in found]
        yield prediction
    content = {
        "images": [{**each, "file_name": name} for each, name in zip(images, _names(files, path), strict=True)],
        "annotations": [{"id": number, **each} for number, each in enumerate(annotations, start=1)],
        "categories": category_rows(classes),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content), encoding="utf-8")


def _names(files: list[Path], path: Path) -> list[str]:
    """How each image is called: by its path below the folder of the annotation file, where all of them lie there, else
    below the nearest folder that holds all, with which the file is to be read."""
    places = [file.parent.resolve() / file.name for file in files]
    below = path.resolve().parent
    if places and not all(place.is_relative_to(below) for place in places):
        below = Path(os.path.commonpath([place.parent for place in places]))
    return [place.relative_to(below).as_posix() for place in places]
