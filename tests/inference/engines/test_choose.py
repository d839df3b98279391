"""The rule by which an engine is taken, and what becomes of one that disagrees."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from tests.made import lively_source

from foveal import device
from foveal.answers.answer import Outputs
from foveal.errors import ModelError, UsageError
from foveal.feed.inputs import as_batch, to_input
from foveal.inference.engines import ENGINES, FASTEST_FIRST, FEW_IMAGES, REFERENCE, EngineSpec, choose
from foveal.inference.engines.choose import build_engine, choose_engine
from foveal.inference.engines.engine import Engine, Source
from foveal.types import EngineName, Precision


class Off:
    """The network, with its logits off by some."""

    name, precision, batch_size, streams = "onnxruntime", "float32", 32, 1

    def __init__(self, source: Source, by: float) -> None:
        self._reference = build_engine(source, *REFERENCE)
        self._by = by

    def run(self, images_u8: np.ndarray) -> Outputs:
        logits = self._reference.run(images_u8)["logits"].copy()
        logits[:, 0] += self._by
        return {"logits": logits}

    run_one = run


def a_little_off(source: Source) -> Off:
    return Off(source, 1e-3)


def far_off(source: Source) -> Off:
    return Off(source, 3.0)


def not_a_number(source: Source) -> Off:
    return Off(source, float("nan"))


def broken(source: Source) -> Off:
    raise RuntimeError("this operation\nis unknown")


@pytest.fixture
def source(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Source:
    """A network, and ONNX Runtime as the only engine besides PyTorch, on a processor without bfloat16."""
    monkeypatch.setenv("FOVEAL_CACHE", str(tmp_path))
    monkeypatch.setattr(device, "native_bf16", lambda where: False)
    monkeypatch.setitem(ENGINES, "openvino", EngineSpec(builder="", needs=("no_such_module",), extra="fast"))
    monkeypatch.setitem(ENGINES, "onnxruntime", EngineSpec(builder=""))
    use(monkeypatch, a_little_off)
    return lively_source("resnet20_cifar", (16, 18))


def use(monkeypatch: pytest.MonkeyPatch, make: Callable[[Source], Engine]) -> list[str]:
    """Has `make` build ONNX Runtime's engine; the list takes in a word each time."""
    built: list[str] = []

    def build(source: Source, name: str, precision: str) -> Engine:
        if name != "onnxruntime":
            return build_engine(source, name, precision)
        built.append(precision)
        return make(source)

    monkeypatch.setattr(choose, "build_engine", build)
    return built


def chosen(
    source: Source, engine: EngineName = "auto", precision: Precision = "auto", images: int | None = None
) -> tuple[Engine, list[str]]:
    said: list[str] = []
    return choose_engine(source, engine=engine, precision=precision, images=images, say=said.append), said


def test_auto_takes_the_fastest_that_agrees(source: Source) -> None:
    engine, said = chosen(source)
    assert isinstance(engine, Off)
    assert said == ["preparing onnxruntime in float32 …", "engine: onnxruntime in float32"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (far_off, "its probabilities differ by up to 0."),
        (not_a_number, "its probabilities differ by up to nan"),
        (broken, "it can't take this network: this operation is unknown"),
    ],
)
def test_auto_goes_on_where_one_disagrees(
    source: Source, monkeypatch: pytest.MonkeyPatch, make: Callable[[Source], Engine], reason: str
) -> None:
    use(monkeypatch, make)
    engine, said = chosen(source)
    assert (engine.name, engine.precision) == REFERENCE
    assert said[1].startswith(f"engine onnxruntime in float32 is not used: {reason}")
    assert said[2] == "engine: eager in float32"


def test_one_asked_for_by_name_is_an_error_where_it_disagrees(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, far_off)
    with pytest.raises(ModelError, match=r"--engine onnxruntime .* differ by up to 0\.\d+ .* and 0\.02 are allowed"):
        chosen(source, "onnxruntime")


@pytest.mark.parametrize(("make", "times"), [(a_little_off, 2), (far_off, 1)])
def test_the_comparison_is_made_once(
    source: Source, monkeypatch: pytest.MonkeyPatch, make: Callable[[Source], Engine], times: int
) -> None:
    built = use(monkeypatch, make)
    first, said_first = chosen(source)
    monkeypatch.setattr(choose, "disagreement", None)  # to be called would fail
    again, said_again = chosen(source)
    assert first.name == again.name
    assert said_again == said_first[1:]
    assert len(built) == times  # what disagrees is not built again


def test_a_full_disk_is_no_verdict(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> str:
        raise OSError("no room")

    monkeypatch.setattr(choose, "disagreement", full)
    with pytest.raises(OSError, match="no room"):
        chosen(source)
    assert not list(source.folder.glob("*.json"))  # type: ignore[union-attr]


def test_a_few_images_are_computed_as_they_are(source: Source) -> None:
    for images, name in ((FEW_IMAGES - 1, "eager"), (FEW_IMAGES, "onnxruntime"), (None, "onnxruntime")):
        assert chosen(source, images=images)[0].name == name
    assert chosen(source, "onnxruntime", images=1)[0].name == "onnxruntime"


def test_eager_in_float32_is_the_network_itself(source: Source) -> None:
    engine, said = chosen(source, "eager", "float32")
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 18, 3), np.uint8)
    with torch.inference_mode():
        expected = source.network(to_input(source.preprocess, as_batch(images)))["logits"]
    assert np.array_equal(engine.run(images)["logits"], expected)
    assert said == ["engine: eager in float32"]


def test_precision(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "disagreement", lambda engine, source: "")
    assert chosen(source, "eager")[0].precision == "float32"
    assert chosen(source, "eager", "bfloat16")[0].precision == "bfloat16"
    assert chosen(source, precision="bfloat16", images=1)[0].precision == "bfloat16"
    monkeypatch.setattr(device, "native_bf16", lambda where: True)
    assert chosen(source, "eager")[0].precision == "bfloat16"
    assert chosen(source, precision="float32")[0].precision == "float32"
    assert {row[0] for row in FASTEST_FIRST if row[1] == "bfloat16"} == {"openvino", "eager"}


def test_what_can_not_be_had_is_named(source: Source) -> None:
    for engine, precision, message in (
        ("openvino", "auto", r"needs no_such_module, which is not installed: pip install 'foveal\[fast\]'"),
        ("onnxruntime", "bfloat16", "--engine onnxruntime does not compute in bfloat16"),
        ("onyx", "auto", "no engine is named 'onyx'; there are: auto, eager"),
    ):
        with pytest.raises(UsageError, match=message):
            chosen(source, engine, precision)  # type: ignore[arg-type]
    elsewhere = Source(contract=source.contract, network=source.network, device=torch.device("cuda"))
    with pytest.raises(UsageError, match="computes on the CPU, not on cuda: add --device cpu"):
        chosen(elsewhere, "onnxruntime")
