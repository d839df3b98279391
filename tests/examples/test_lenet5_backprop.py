"""The NumPy backpropagation against autograd, and the page that quotes it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from foveal.layers import LENET5_C3_MAPS
from foveal.losses.classification import lenet5_map
from foveal.networks.build import build_network

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def example() -> ModuleType:
    found = importlib.util.spec_from_file_location("lenet5_backprop", ROOT / "examples" / "lenet5_backprop.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.mark.parametrize("index", [0, 7, 1234])
def test_gradients_equal_autograd(example: ModuleType, index: int) -> None:
    torch.manual_seed(index)
    network = build_network("lenet5", 10).double()
    image, label = example.digit(index)
    p = example.parameters_of(network)
    x = example.forward(p, image)
    loss, d_y = example.map_criterion(x["y"], label)
    grads, d_outputs = example.backward(p, x, d_y)
    reference_loss, reference = example.autograd(network, image, label)
    assert abs(loss - reference_loss) < 1e-10
    assert set(reference) == {*grads, "input"}
    for name, grad in {**grads, "input": d_outputs["input"]}.items():
        assert grad.shape == reference[name].shape
        assert np.abs(grad - reference[name]).max() < 1e-10, name


def test_the_criterion_is_the_losses_own(example: ModuleType) -> None:
    y = np.array([3.0, 0.5, 7.0])
    ours, _ = example.map_criterion(y, 1)
    theirs = lenet5_map(-torch.from_numpy(y)[None], torch.tensor([[0.0, 1.0, 0.0]], dtype=torch.float64), rejection=0.1)
    assert ours == pytest.approx(theirs.item(), abs=1e-12)


def test_the_digit_is_centred_and_scaled_as_in_the_paper(example: ModuleType) -> None:
    image, label = example.digit(0)
    assert (image.shape, label) == ((1, 32, 32), 0)
    assert image.min() == pytest.approx(-0.1)
    assert image.max() <= 1.175 + 1e-12
    assert (image[0, [0, 1, 30, 31]] == image.min()).all()


def test_table_1_is_written_out_alike(example: ModuleType) -> None:
    assert [tuple(maps) for maps in example.READS] == list(LENET5_C3_MAPS)


def test_the_page_quotes_what_the_example_prints(example: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    example.main()
    printed = capsys.readouterr().out
    assert printed.strip() in (ROOT / "docs" / "backpropagation.md").read_text(encoding="utf-8")
