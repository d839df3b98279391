"""Predict the class of images, their labels, numbers, objects or pixels; exit code 3 where some could not be read."""

import glob
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, tee
from pathlib import Path
from typing import Annotated, Any

from PIL import Image
from torch import nn

from foveal.device import pick_device
from foveal.errors import DataError, ImageError, UsageError
from foveal.evaluation.forward import BATCH_SIZE
from foveal.files import atomic_path
from foveal.images import IMAGE_SUFFIXES, decode
from foveal.images.label_map import write_label_map
from foveal.inference.predictor import Model, load_model
from foveal.options import Option
from foveal.processes.group import joined
from foveal.processes.launch import launched
from foveal.read.archive_path import file_named, is_archive, open_archive
from foveal.read.walk import image_files
from foveal.runs import model_path
from foveal.types import DeviceName, EngineName, Precision
from foveal.verbs.parameters import Device


def load(
    model: Path | str,
    *,
    module: nn.Module | None = None,
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
    model: Annotated[Path | str | Model, Option("A model file or a run folder.", typed=Path)],
    paths: Annotated[
        str | Path | Sequence[str | Path],
        Option(
            "Files, folders, archives, globs, or - for a list of paths on standard input.",
            typed=list[str],
            hyphens=True,
        ),
    ],
    *,
    tta: Annotated[bool, Option("Average over shifted views, and mirrored ones where training mirrored.")] = False,
    tile: Annotated[
        int | None,
        Option(
            "Take large images apart into tiles with a longer side of so many pixels, and join what is found in them."
        ),
    ] = None,
    overlap: Annotated[
        float | None,
        Option("The share of a side that neighbouring tiles have in common at least; 0.2 where not given."),
    ] = None,
    device: Device = "auto",
    engine: Annotated[
        EngineName, Option("What computes: auto takes the fastest one installed that agrees with the network.")
    ] = "auto",
    precision: Annotated[
        Precision,
        Option("Of the engine: auto is bfloat16 where the processor computes it natively and the engine then agrees."),
    ] = "auto",
    draw: Annotated[
        Path | str | None,
        Option("A folder for copies of the images with boxes, or the colours of classes, on them.", typed=Path),
    ] = None,
    masks: Annotated[
        Path | str | None,
        Option("A folder for label maps: a PNG of class indices for each image.", typed=Path),
    ] = None,
    coco: Annotated[
        Path | str | None,
        Option(
            "A file for boxes with their scores, or the outlines of classes' regions, as COCO's annotations.",
            typed=Path,
        ),
    ] = None,
) -> Iterator[dict[str, Any]]:
    """For each input {"path", "label", "score", "scores"}, or {"path", "error"}; in order, as they come. A detector
    gives {"path", "objects": [{"label", "score", "box"}]} with boxes (x1, y1, x2, y2) in pixels of the image, and where
    it learned masks "mask" (COCO's run lengths; `foveal.ops.masks.pixels_of` makes them pixels) and "area" of each; a
    segmentation {"path", "label_map", "shares"}: a class index for each pixel, (H, W) uint8, and each class's share; a
    regression {"path", "values": {name: number}}; of several labels {"path", "labels": [{"label", "score"}], "scores"},
    those above their thresholds and the probabilities of all.

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
    with joined() as processes:
        given = [paths] if isinstance(paths, str | Path) else paths
        _check_typed(given)
        inputs = processes.from_first(lambda: list(expand(given)))  # standard input is read once
        loaded = model
        if not isinstance(loaded, Model):
            loaded = _load(loaded, device=device, engine=engine, precision=precision, images=len(inputs))

        if draw is not None or masks is not None or coco is not None:
            _check_shown(loaded.task.name, draw=draw is not None, masks=masks is not None, coco=coco is not None)

        def work(mine: Iterable[Path]) -> Iterator[dict[str, Any]]:
            predictions = _predictions(loaded, mine, tta=tta, tile=tile, overlap=overlap)
            if draw is not None:
                predictions = _drawn(predictions, loaded, Path(draw))
            return predictions if masks is None else _with_masks(predictions, Path(masks))

        found = processes.share_out(inputs, work, size=BATCH_SIZE)
        if coco is not None and processes.first:
            from foveal.verbs.coco_file import with_coco  # SciPy's labelling is loaded where it is used

            found = with_coco(found, loaded.classes, Path(coco))
        yield from found


def _check_typed(paths: Sequence[str | Path]) -> None:
    """Raises UsageError where nothing is named, and for what looks like an option."""
    if not paths:
        raise UsageError("nothing to predict: give files, folders or globs, or - for a list on standard input")
    for path in map(str, paths):
        if path.startswith("-") and path != "-" and not Path(path).exists():
            raise UsageError(f"no option {path}, and no file of that name (foveal predict --help)")


def _predictions(
    model: Model, paths: Iterable[Path], *, tta: bool, tile: int | None, overlap: float | None
) -> Iterator[dict[str, Any]]:
    ours, theirs = tee(paths)
    for path, prediction in zip(ours, model.predict(theirs, tta=tta, tile=tile, overlap=overlap), strict=True):
        if isinstance(prediction, ImageError):
            yield {"path": str(path), "error": prediction.reason}
        else:
            yield {"path": str(path), **prediction}


def _check_shown(task: str, *, draw: bool, masks: bool, coco: bool) -> None:
    """Raises UsageError where predictions of the task can't be drawn, saved as label maps or written as COCO's."""
    from foveal.reporting.tasks import presentation_of  # fonts are loaded where they are used

    presentation = presentation_of(task)
    if draw and presentation.draw is None:
        raise UsageError("--draw draws boxes or the classes of pixels; this model looks at whole images")
    if masks and not presentation.has_label_maps:
        raise UsageError(f"--masks saves the class of every pixel; this model's task is to {task}")
    if coco and not presentation.has_places:
        raise UsageError("--coco writes boxes or the regions of classes; this model looks at whole images")


def _drawn(predictions: Iterable[dict[str, Any]], model: Model, folder: Path) -> Iterator[dict[str, Any]]:
    """The predictions as they are; each image is saved as `folder`/NAME.jpg with what was found on it."""
    from foveal.reporting.tasks import presentation_of

    names, draw = _Names(folder), presentation_of(model.task.name).draw
    assert draw is not None
    for prediction in predictions:
        if "error" not in prediction:
            image = draw(decode(file_named(prediction["path"])), prediction, model.classes)
            with atomic_path(names.take(prediction["path"], ".jpg")) as temporary:
                Image.fromarray(image).save(temporary, "JPEG", quality=95)
        yield prediction


def _with_masks(predictions: Iterable[dict[str, Any]], folder: Path) -> Iterator[dict[str, Any]]:
    """The predictions as they are; each label map is saved as `folder`/NAME.png."""
    names = _Names(folder)
    for prediction in predictions:
        if "error" not in prediction:
            with atomic_path(names.take(prediction["path"], ".png")) as temporary:
                write_label_map(prediction["label_map"], temporary)
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
    module: nn.Module | None = None,
    device: DeviceName,
    engine: EngineName,
    precision: Precision,
    images: int | None = None,
) -> Model:
    # Not `foveal.console`, which would import rich: this is the verb whose start is waited for.
    def say(line: str) -> None:
        if launched().first:
            print(line, file=sys.stderr, flush=True)

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
