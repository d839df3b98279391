"""The verbs typed in a terminal: parsing, output and exit codes, no more. No torch until a verb runs."""

import io
import json
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import MISSING, asdict, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from cyclopts import App, CycloptsError, Parameter
from docstring_parser import parse_from_object

from foveal import __version__
from foveal.augment.settings import AugmentSettings
from foveal.errors import FovealError, Interrupted, UsageError
from foveal.options import options_of
from foveal.processes.launch import launched
from foveal.recipes import own_options
from foveal.recipes.options import TrainOptions as Asked
from foveal.types import DeviceName, EngineName, Precision, TaskName

_STARTED = time.perf_counter()

app = App(
    name="foveal",
    version=__version__,
    help="Image recognition with convolutional networks: from a folder of labelled images to a trained, evaluated "
    "network. Start with: foveal demo",
    help_format="plaintext",
    result_action="return_value",
)

Json = Annotated[bool, Parameter(name="--json", negative="", help="Print JSON on standard output and nothing else.")]
Device = Annotated[DeviceName, Parameter(help="Where to compute.")]
FormatName = Literal[
    "class-folders",
    "csv",
    "idx",
    "arrays",
    "cifar10",
    "cifar100",
    "imagefolder",
    "coco",
    "voc",
    "yolo",
    "label-maps",
]
Format = Annotated[
    FormatName | None,
    Parameter(help="The data's format, where a folder can be read as more than one.", show_default=False),
]


def _options(name: str, *owners: type, leave_out: tuple[str, ...]) -> Any:
    """A dataclass of the owners' fields, each None until it is given: so an option exists once, in its owner."""
    rows = []
    for owner in owners:
        hints = get_type_hints(owner)
        docs = {each.arg_name: each.description or "" for each in parse_from_object(owner).params}
        docs |= {name: option.help for name, option in options_of(owner).items()}
        for field in fields(owner):
            if field.name in leave_out:
                continue
            chosen = field.default is None or field.default is MISSING or owner is AugmentSettings
            default = "" if chosen else f" [default: {field.default}]"
            text = " ".join(docs[field.name].split()) + default
            parameter = Parameter(help=text, show_default=False, negative_iterable="")
            rows.append((field.name, Annotated[hints[field.name] | None, parameter], None))
    made = make_dataclass(name, rows, kw_only=True, frozen=True)
    made.__module__ = __name__  # else "types", and cyclopts would take it for a class of the standard library
    return made


_OWNERS = (Asked, *dict.fromkeys(own_options().values()), AugmentSettings)
_NOT_OPTIONS = ("own", "augment")
TrainOptions = _options("TrainOptions", *_OWNERS, leave_out=_NOT_OPTIONS)
TuneOptions = _options("TuneOptions", *_OWNERS, leave_out=(*_NOT_OPTIONS, "model", "time", "folds", "fold", "find_lr"))


@app.command
def demo(*, out: Path = Path("foveal-demo"), json: Json = False) -> int:
    """Train LeNet-5 on bundled digits, evaluate it, predict a few and leave a report; under a minute.

    Parameters
    ----------
    out
        The run folder to make.
    """
    from foveal.verbs.demo import demo as run_demo

    result = run_demo(out=out)
    if json:
        _print_json(result)
    return 0


@app.command
def train(
    data: Path | None = None,
    *,
    options: Annotated[TrainOptions | None, Parameter(name="*")] = None,  # type: ignore[valid-type]
    out: Path | None = None,
    resume: Path | None = None,
    config: Path | None = None,
    format: Format = None,
    json: Json = False,
) -> int:
    """Train a network on labelled images and leave a run folder with a model file and a report.

    Options that are not given are chosen from the data; the run says which and why.

    Parameters
    ----------
    data
        A folder of class folders (with or without train/ val/ test/), a .csv, another format of docs/data.md, or a zip
        or tar of any.
    out
        The run folder to make [default: runs/DATA-MODEL-DATE].
    resume
        A run folder to continue where its checkpoint stands; --epochs may be raised.
    config
        A run's config.json to repeat.
    """
    from foveal.verbs.train import train as run_train

    given: dict[str, Any] = {} if options is None else asdict(options)
    result = run_train(data, out=out, resume=resume, config=config, format=format, started=_STARTED, **given)
    if json:
        _print_json(result)
    elif "folds" in result:
        from foveal.verbs.tables import folds_table

        folds_table(result)
    return 0


@app.command
def augment(
    data: Path,
    *,
    out: Path,
    images: int = 8,
    variants: int = 6,
    options: Annotated[TrainOptions | None, Parameter(name="*")] = None,  # type: ignore[valid-type]
    format: Format = None,
    json: Json = False,
) -> int:
    """Write pictures of what train with the same options would see of some images.

    Parameters
    ----------
    data
        Labelled images, as for train.
    out
        The folder to make.
    images
        How many training images are shown, evenly spread.
    variants
        How many epochs of each.
    """
    from foveal.verbs.augment import show_augmentation

    given: dict[str, Any] = {} if options is None else asdict(options)
    result = show_augmentation(data, out=out, images=images, variants=variants, format=format, **given)
    if json:
        _print_json(result)
    return 0


@app.command
def tune(
    data: Path | None = None,
    *,
    trials: int | None = None,
    time: str | None = None,
    models: Annotated[list[str] | None, Parameter(negative_iterable="", consume_multiple=True)] = None,
    options: Annotated[TuneOptions | None, Parameter(name="*")] = None,  # type: ignore[valid-type]
    out: Path | None = None,
    resume: Path | None = None,
    format: Format = None,
    json: Json = False,
) -> int:
    """Find better settings by training many times, judged on held-out images; test images are not read.

    Varied are the learning rate, the weight decay, the augmentation's strength and, of several, the network; what is
    given as an option is not.

    Parameters
    ----------
    data
        As for train.
    trials
        How many trainings [default: 20].
    time
        For all trials together, such as 30m or 2h, in equal parts.
    models
        Networks to choose from [default: the one that train would choose].
    out
        The folder to make [default: runs/tuning-DATE].
    resume
        A tuning's folder to go on with; --trials may be raised.
    """
    from foveal.verbs.tune import tune as run_tune

    given: dict[str, Any] = {} if options is None else asdict(options)
    result = run_tune(data, out=out, resume=resume, models=models, trials=trials, time=time, format=format, **given)
    if json:
        _print_json(result)
    return 0


@app.command
def evaluate(
    model: Path,
    data: Path,
    *,
    split: Literal["train", "val", "test"] | None = None,
    format: Format = None,
    on_bad_image: Literal["error", "skip"] = "error",
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Measure a model on a split of a data set, each figure with its 95 % interval.

    Parameters
    ----------
    model
        A model file or a run folder.
    data
        Labelled images, as for train.
    split
        The split to measure on [default: test].
    on_bad_image
        What an image that can't be decoded does.
    """
    from foveal.verbs.evaluate import evaluate as run_evaluate

    result = run_evaluate(model, data, split=split, format=format, on_bad_image=on_bad_image, device=device)
    if json:
        _print_json(result)
    else:
        from foveal.verbs.tables import evaluation_table

        evaluation_table(result)
    return 0


@app.command
def predict(
    model: Path,
    paths: Annotated[list[str], Parameter(allow_leading_hyphen=True)],
    *,
    tta: Annotated[bool, Parameter(negative="")] = False,
    tile: int | None = None,
    overlap: float | None = None,
    device: Device = "auto",
    engine: EngineName = "auto",
    precision: Precision = "auto",
    draw: Path | None = None,
    masks: Path | None = None,
    coco: Path | None = None,
    json: Json = False,
) -> int:
    """Predict the class of images, their labels, numbers, objects or pixels; exit code 3 where some could not be read.

    Parameters
    ----------
    model
        A model file or a run folder.
    paths
        Files, folders, archives, globs, or - for a list of paths on standard input.
    tta
        Average over shifted views, and mirrored ones where training mirrored.
    tile
        Take large images apart into tiles with a longer side of so many pixels, and join what is found in them.
    overlap
        The share of a side that neighbouring tiles have in common at least; 0.2 where not given.
    engine
        What computes: auto takes the fastest one installed that agrees with the network.
    precision
        Of the engine: auto is bfloat16 where the processor computes it natively and the engine then agrees.
    draw
        A folder for copies of the images with boxes, or the colours of classes, on them.
    masks
        A folder for label maps: a PNG of class indices for each image.
    coco
        A file for boxes with their scores, or the outlines of classes' regions, as COCO's annotations.
    """
    from foveal.verbs.lines import print_predictions
    from foveal.verbs.predict import predict as run_predict

    unknown = [path for path in paths if path.startswith("-") and path != "-" and not Path(path).exists()]
    if unknown:
        raise UsageError(f"no option {unknown[0]}, and no file of that name (foveal predict --help)")
    if not paths:
        raise UsageError("nothing to predict: give files, folders or globs, or - for a list on standard input")
    predictions = run_predict(
        model,
        paths,
        tta=tta,
        tile=tile,
        overlap=overlap,
        device=device,
        engine=engine,
        precision=precision,
        draw=draw,
        masks=masks,
        coco=coco,
    )
    return print_predictions(predictions, as_json=json)


@app.command
def bench(
    model: str = "resnet18",
    *,
    size: int | None = None,
    batch_size: int | None = None,
    precision: Precision = "auto",
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Measure this machine, and the parts of training and prediction against it; about half a minute.

    Parameters
    ----------
    model
        A network's name, a model file or a run folder.
    size
        Side of the network's input in pixels [default: the model file's own, or the paper's].
    batch_size
        Images a training step [default: what training would choose].
    precision
        Of training: auto is bfloat16 where the device computes it natively.
    """
    from foveal.verbs.bench import bench as run_bench

    result = run_bench(model, size=size, batch_size=batch_size, precision=precision, device=device)
    if json:
        _print_json(result)
    else:
        from foveal.verbs.tables import bench_tables

        bench_tables(result)
    return 0


@app.command
def convert(
    data: Path,
    *,
    to: FormatName,
    out: Path,
    format: Format = None,
    task: TaskName | None = None,
    target: Annotated[tuple[str, ...] | None, Parameter(negative_iterable="")] = None,
    json: Json = False,
) -> int:
    """Write a data set in another format; images are copied as they are.

    Parameters
    ----------
    data
        The data set to read.
    to
        The format to write.
    out
        The folder to make.
    task
        What a table is read for, where its columns don't say it.
    target
        A table's column of numbers; given again for each further one.
    """
    from foveal.verbs.convert import convert as run_convert

    result = run_convert(data, to=to, out=out, format=format, task=task, target=target)
    if json:
        _print_json(result)
    else:
        print(f"{result['images']:,} images written as {to}: {out}")
    return 0


@app.command
def describe(
    model: str,
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: int | None = None,
    json: Json = False,
) -> int:
    """Show a network layer by layer: output shape, parameters, multiply-adds, receptive field, stride.

    Parameters
    ----------
    model
        A network's name (see models), a model file or a run folder.
    size
        Side of the input in pixels [default: the network's own].
    channels
        Channels of the input [default: the network's own].
    classes
        Classes of the head [default: the paper's].
    """
    from foveal.verbs.describe import describe as run_describe

    description = run_describe(model, size=size, channels=channels, classes=classes)
    if json:
        _print_json(description.to_json())
    else:
        from foveal.verbs.tables import description_table

        description_table(description)
    return 0


@app.command
def models(*, json: Json = False) -> int:
    """List all networks with their parameters and papers."""
    from foveal.verbs.models import models as list_models

    if json:
        _print_json(list_models())
    else:
        from foveal.verbs.tables import models_table

        models_table(list_models())
    return 0


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits: 0 done, 1 data or model error, 2 usage, 3 some inputs failed, 130, 143."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a file name that is not UTF-8, a terminal without "→"
    debug = "--debug" in tokens
    tokens = [token for token in tokens if token != "--debug"]
    sys.exit(_exit_code(lambda: app(tokens, exit_on_error=False, print_error=False), debug=debug))


def _exit_code(run: Callable[[], Any], *, debug: bool) -> int:
    try:
        return int(run() or 0)
    except CycloptsError as error:
        return _fail(f"{error} (foveal --help)", 2, debug=debug)
    except UsageError as error:
        return _fail(str(error), 2, debug=debug)
    except Interrupted as error:
        return _fail(str(error), error.exit_code, debug=debug)
    except FovealError as error:
        return _fail(str(error), 1, debug=debug)
    except KeyboardInterrupt:
        return _fail("stopped", 128 + signal.SIGINT, debug=debug)
    except BrokenPipeError:  # the reader of our output has gone, as in `foveal predict … | head`
        sys.stderr.close()
        return 1
    except OSError as error:  # no room, no right to write, a lock that is held for hours
        return _fail(str(error), 1, debug=debug)
    except Exception:
        if launched().first or debug:
            raise
        return 1  # a fault of ours: the first of several processes says it, or fails the same way


def _fail(message: str, code: int, *, debug: bool) -> int:
    if debug:
        traceback.print_exc()
    if launched().first:
        print(f"foveal: {message}", file=sys.stderr)
    return code


def _print_json(value: Any) -> None:
    if launched().first:
        print(json.dumps(value, allow_nan=False))
