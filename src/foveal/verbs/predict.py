"""`foveal predict` and `foveal.load`: a model file applied to images that nobody labelled."""

import glob
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, tee
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from foveal.answers.predicted import Failed, Predicted
from foveal.errors import DataError, ImageError, UsageError
from foveal.files import atomic_path
from foveal.images import IMAGE_SUFFIXES, decode
from foveal.images.label_map import write_label_map
from foveal.inference.engines.engine import BATCH_SIZE
from foveal.inference.predictor import Model, load_model
from foveal.processes.launch import launched
from foveal.read.archive_path import file_named, is_archive, open_archive
from foveal.read.walk import image_files
from foveal.runs import model_path
from foveal.types import DeviceName, EngineName, Precision

if TYPE_CHECKING:
    from torch import nn

Said = Predicted | Failed


def load(
    model: Path | str,
    *,
    module: "nn.Module | None" = None,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "auto",
) -> Model:
    """The trained network in a model file or run folder, to be used again and again: `load("run")("cat.jpg")`.

    module: your own network, where the model was trained with one. engine and precision: "auto" takes the fastest
    engine here that agrees with the network, and prepares it; standard error says which.
    Raises ModelError, and UsageError where the engine is not to be had.
    """
    return _load(model, module=module, device=device, engine=engine, precision=precision)


def predict(
    model: Path | str | Model,
    paths: str | Path | Sequence[str | Path],
    *,
    tta: bool = False,
    tile: int | None = None,
    overlap: float | None = None,
    device: DeviceName = "auto",
    engine: EngineName = "auto",
    precision: Precision = "auto",
    draw: Path | str | None = None,
    masks: Path | str | None = None,
    coco: Path | str | None = None,
) -> Iterator[Said]:
    """For each input `foveal.Predicted` with its path and answer, or `foveal.Failed` with its path and the reason; in
    order, as they come. An answer is `foveal.Classified`: label, score, and the scores of all classes; of several
    labels `Labelled`: those above their thresholds, and the scores of all; of a regression `Measured`: values by name;
    of a detector `Detected`: boxes_xyxy (N, 4) in pixels of the image, scores, labels, and where it learned them masks
    (run lengths; `foveal.ops.masks.rasterised` makes them pixels); of a segmentation `Segmented`: label_map, a class
    index for each pixel, (H, W) uint8, and each class's share. `to_json()` of each gives plain values.

    model: a file or run folder; what `load` gave keeps its device, engine and precision. paths: files, folders and
    zip or tar archives (searched for images by name), globs, or "-" for a list of paths on standard input. `tta`
    averages over shifted views, and mirrored ones where training mirrored. tile and overlap: a detector or a
    segmentation takes large images apart into tiles whose longer side has so many pixels, which share at least that
    much of a side with their neighbours, and joins what it finds. engine and precision: as for `load`, but a few
    images are not worth an engine's preparation. Started by torchrun, each process takes its share of the batches;
    the first one gives all predictions, the others none.
    draw: a folder, made where it is missing, for copies of the images with boxes or the classes' colours on them.
    masks: one for label maps as PNG, in the format that training reads. coco: a file for what was found, written at
    the end in COCO's format: boxes with their scores, or the outline of every connected region of a class.
    Raises ModelError, UsageError where the engine is not to be had or there are no boxes to draw, and DataError where a
    folder, archive or glob holds no image or an archive is refused.
    """
    from foveal.processes.group import joined  # with PyTorch

    with joined() as processes:
        given = [paths] if isinstance(paths, str | Path) else paths
        inputs = processes.from_first(lambda: list(expand(given)))  # standard input is read once
        loaded = model
        if not isinstance(loaded, Model):
            loaded = _load(loaded, device=device, engine=engine, precision=precision, images=len(inputs))

        kind = loaded.answering.kind
        if draw is not None and not kind.PLACES:
            raise UsageError("--draw draws boxes or the classes of pixels; this model looks at whole images")
        if masks is not None and not kind.PIXELS:
            raise UsageError(f"--masks saves the class of every pixel; this model's task is to {loaded.contract.task}")
        if coco is not None and not kind.PLACES:
            raise UsageError("--coco writes boxes or the regions of classes; this model looks at whole images")

        def work(mine: Iterable[Path]) -> Iterator[Said]:
            predictions = _predictions(loaded, mine, tta=tta, tile=tile, overlap=overlap)
            if draw is not None:
                predictions = _drawn(predictions, Path(draw))
            return predictions if masks is None else _with_masks(predictions, Path(masks))

        found = processes.share_out(inputs, work, size=BATCH_SIZE)
        if coco is not None and processes.first:
            from foveal.verbs.coco_file import with_coco

            found = with_coco(found, loaded.classes, Path(coco))
        yield from found


def _predictions(
    model: Model, paths: Iterable[Path], *, tta: bool, tile: int | None, overlap: float | None
) -> Iterator[Said]:
    ours, theirs = tee(paths)
    for path, answer in zip(ours, model.predict(theirs, tta=tta, tile=tile, overlap=overlap), strict=True):
        if isinstance(answer, ImageError):
            yield Failed(str(path), answer.reason)
        else:
            yield Predicted(str(path), answer)


def _drawn(predictions: Iterable[Said], folder: Path) -> Iterator[Said]:
    """The predictions as they are; each image is saved as `folder`/NAME.jpg with what was found on it."""
    from foveal.reporting.overlays import draw_overlay  # fonts are loaded where they are used

    names = _Names(folder)
    for prediction in predictions:
        if isinstance(prediction, Predicted):
            image = draw_overlay(decode(file_named(prediction.path)), prediction.answer.overlay())
            with atomic_path(names.take(prediction.path, ".jpg")) as temporary:
                Image.fromarray(image).save(temporary, "JPEG", quality=95)
        yield prediction


def _with_masks(predictions: Iterable[Said], folder: Path) -> Iterator[Said]:
    """The predictions as they are; each label map is saved as `folder`/NAME.png."""
    names = _Names(folder)
    for prediction in predictions:
        if isinstance(prediction, Predicted):
            labels = prediction.answer.overlay().label_map
            assert labels is not None
            with atomic_path(names.take(prediction.path, ".png")) as temporary:
                write_label_map(labels, temporary)
        yield prediction


class _Names:
    """Files of a folder named after images, each name once."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._taken: set[str] = set()

    def take(self, path: str, suffix: str) -> Path:
        """A file of the image's name, numbered where another image has it already."""
        stem = Path(path).stem
        names = chain([stem], (f"{stem}-{number}" for number in count(2)))
        name = next(each for each in names if each.casefold() not in self._taken)
        self._taken.add(name.casefold())
        return self._folder / f"{name}{suffix}"


def _load(
    model: Path | str,
    *,
    module: "nn.Module | None" = None,
    device: DeviceName,
    engine: EngineName,
    precision: Precision,
    images: int | None = None,
) -> Model:
    # Not `foveal.verbs.console`, which would import rich: this is the verb whose start is waited for.
    def say(line: str) -> None:
        if launched().first:
            print(line, file=sys.stderr, flush=True)

    from foveal.device import pick_device

    return load_model(
        model_path(model),
        module=module,
        device=pick_device(device),
        engine=engine,
        precision=precision,
        images=images,
        say=say,
    )


def expand(paths: Iterable[str | Path]) -> Iterator[Path]:
    """The files that the inputs name, in order; those of folders, archives and globs sorted. A file need not exist: it
    fails by itself."""
    for given in paths:
        if str(given) == "-":
            yield from expand(line for line in sys.stdin.read().splitlines() if line.strip())
            continue
        path = Path(given)
        if path.is_dir():
            yield from _nonempty(path, image_files(path))
        elif is_archive(path):
            yield from _nonempty(path, image_files(open_archive(path)))
        elif not path.exists() and glob.has_magic(str(given)):
            matches = (Path(each) for each in sorted(glob.glob(str(given), recursive=True)))  # noqa: PTH207
            files = {each.resolve(): each for each in reversed([each for each in matches if each.is_file()])}
            yield from _nonempty(path, sorted(files.values()))  # once, however many links lead there
        else:
            yield path


def _nonempty(given: Path, found: list[Path]) -> list[Path]:
    if not found:
        raise DataError(f"{given}: no images here (files ending in {', '.join(sorted(IMAGE_SUFFIXES))})")
    return found
