"""Images in, predictions out: in order whatever computes how fast, with the unreadable ones in their places."""

import random
import threading
import time

import numpy as np
import pytest
from tests.made import lively_source

from foveal.answers.answer import Outputs
from foveal.answers.classify import Classified
from foveal.errors import ImageError
from foveal.inference.predictor import Model
from foveal.ops.probabilities import softmax


class Brightness:
    """An engine whose logits are the image's mean, three times; slower for some batches than for others."""

    name, precision, batch_size = "brightness", "float32", 4

    def __init__(self, streams: int) -> None:
        self.streams = streams
        self.batches: list[int] = []
        self.at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def run(self, images_u8: np.ndarray) -> Outputs:
        with self._lock:
            self._running += 1
            self.at_once = max(self.at_once, self._running)
            self.batches.append(len(images_u8))
            pause = random.Random(len(self.batches)).uniform(0.01, 0.05)
        time.sleep(pause)
        with self._lock:
            self._running -= 1
        return {"logits": images_u8.mean(axis=(1, 2, 3), dtype=np.float32)[:, None] * np.float32([0.01, 0.0, -0.01])}

    run_one = run


def model(engine: Brightness) -> Model:
    source = lively_source("lenet5", (16, 20))
    return Model(source.contract, engine)


def image(value: int) -> np.ndarray:
    return np.full((9, 7), value, np.uint8)


@pytest.mark.parametrize("streams", [1, 3])
def test_order_and_errors(streams: int) -> None:
    engine = Brightness(streams)
    values = list(range(0, 250, 7))
    inputs: list[object] = [image(value) for value in values]
    inputs[5] = np.zeros((3, 3, 2), np.uint8)
    inputs[17] = b"no image"
    predictions = list(model(engine).predict(inputs))  # type: ignore[arg-type]
    assert len(predictions) == len(inputs)
    for index, (value, prediction) in enumerate(zip(values, predictions, strict=True)):
        if index in (5, 17):
            assert isinstance(prediction, ImageError)
            assert prediction.path == f"images[{index}]"
        else:
            assert isinstance(prediction, Classified)
            expected = softmax(np.array([0.01 * value, 0, -0.01 * value]))
            assert list(prediction.scores.values()) == pytest.approx(expected.tolist(), abs=1e-6)
    assert sorted(engine.batches)[-1] == 4
    assert sum(engine.batches) == len(values) - 2
    assert engine.at_once == streams


def test_a_batch_without_a_good_image_computes_nothing() -> None:
    engine = Brightness(1)
    assert all(isinstance(each, ImageError) for each in model(engine).predict([b"x"] * 5))
    assert engine.batches == []
    assert list(model(engine).predict([])) == []


def test_images_are_taken_as_they_are_needed_and_no_more_after_the_end() -> None:
    engine, taken = Brightness(1), []

    def images() -> object:
        for value in range(200):
            taken.append(value)
            yield image(value)

    predictions = model(engine).predict(images())  # type: ignore[arg-type]
    next(predictions)
    assert len(taken) < 40
    predictions.close()
    count = len(engine.batches)
    time.sleep(0.2)
    assert len(engine.batches) == count < 10


def test_one_image() -> None:
    engine = Brightness(1)
    assert model(engine)(image(200)).to_json()["label"] == "a"
    assert engine.batches == [1]
    model(engine)(image(200), tta=True)
    assert engine.batches == [1] * 6
