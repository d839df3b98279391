"""Which engine computes: the rule, and how an engine that fails the comparison with the network is refused."""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from foveal.errors import ModelError, UsageError, did_you_mean
from foveal.files import read_json, write_json
from foveal.inference.engines import ENGINES, FASTEST_FIRST, FEW_IMAGES, REFERENCE
from foveal.inference.engines.agreement import disagreement
from foveal.inference.engines.engine import Engine, Source
from foveal.types import EngineName, Precision

if TYPE_CHECKING:
    import torch

Say = Callable[[str], None]


def choose_engine(
    source: Source, *, engine: EngineName, precision: Precision, images: int | None = None, say: Say
) -> Engine:
    """The engine called `engine`; for "auto" the fastest one here that agrees with the network.

    images: how many there are to compute, where that is known: for fewer than `FEW_IMAGES` "auto" takes the
    network itself. `say` is called with a line on the engine that is taken, and on each that is refused.
    Raises UsageError where the engine is not installed or does not compute in this precision or on this device, and
    ModelError where what was asked for is refused.
    """
    candidates = _candidates(engine, precision, source.device)
    if engine == "auto" and precision != "bfloat16" and images is not None and images < FEW_IMAGES:
        candidates = [REFERENCE]
    refused = ""
    for name, kind in candidates:
        taken, refused = _examined(source, name, kind, say=say)
        if taken is not None:
            say(f"engine: {name} in {kind}")
            return taken
        say(f"engine {name} in {kind} is not used: {refused}")
    raise ModelError(f"--engine {engine} --precision {precision} can't be used: {refused}")


def _candidates(engine: EngineName, precision: Precision, device: "torch.device") -> list[tuple[str, str]]:
    """(engine, precision) to try, the fastest first; never empty."""
    from foveal.device import native_bf16

    if engine not in ("auto", *ENGINES):
        raise UsageError(f"no engine is named {engine!r}; {did_you_mean(engine, ['auto', *ENGINES])}")
    rows = [row for row in FASTEST_FIRST if engine in ("auto", row[0]) and precision in ("auto", row[1])]
    if not rows:
        raise UsageError(f"--engine {engine} does not compute in {precision}")
    if engine not in ("auto", "eager") and device.type != "cpu":
        raise UsageError(f"--engine {engine} computes on the CPU, not on {device.type}: add --device cpu")
    if engine != "auto" and (missing := _missing(engine)):
        install = f"pip install 'foveal[{ENGINES[engine].extra}]'"
        raise UsageError(f"--engine {engine} needs {missing}, which is not installed: {install}")
    # Asked for by name bfloat16 is computed anywhere; otherwise only where it is the faster of the two.
    bfloat16 = precision == "bfloat16" or (precision == "auto" and native_bf16(device))
    return [
        (name, kind)
        for name, kind in rows
        if (kind == "float32" or bfloat16) and (name == "eager" or device.type == "cpu") and not _missing(name)
    ]


def _missing(engine: str) -> str:
    """The first module that the engine needs and that is not installed; "" where there is none."""
    return next((module for module in ENGINES[engine].needs if find_spec(module) is None), "")


def _examined(source: Source, name: str, precision: str, *, say: Say) -> tuple[Engine | None, str]:
    """The engine, or None and why it is refused. It is examined once, and the outcome cached beside its files."""
    if (name, precision) == REFERENCE:
        return build_engine(source, name, precision), ""
    verdict = _verdict_file(source.folder, name, precision)
    if verdict is not None and verdict.is_file():
        refused = str(read_json(verdict)["refused"])
        return (None, refused) if refused else (build_engine(source, name, precision), "")
    say(f"preparing {name} in {precision} …")
    try:
        engine = build_engine(source, name, precision)
        refused = disagreement(engine, source)
    except (OSError, MemoryError):  # of the machine and the moment, not of the network
        raise
    except Exception as error:
        # Tracing and converting a module that they can't take raise errors of any kind.
        refused = f"it can't take this network: {' '.join(str(error).split())[:200]}"
    if verdict is not None:
        write_json(verdict, {"refused": refused})
    return (None, refused) if refused else (engine, "")


def _verdict_file(folder: Path | None, name: str, precision: str) -> Path | None:
    """The file that caches an examination: it holds for one version of the engine on one kind of machine."""
    from foveal.device import fingerprint

    if folder is None:
        return None
    made_by = [version(module) for module in ENGINES[name].needs[:1]]
    return folder / ("-".join([name, *made_by, precision, fingerprint()]) + ".json")


def build_engine(source: Source, name: str, precision: str) -> Engine:
    """The engine, not examined."""
    module, function = ENGINES[name].builder.split(":")
    engine: Engine = getattr(import_module(module), function)(source, precision)
    return engine
