"""Arrays of any channel count from 1 to 16 take the whole way."""

import numpy as np
import pytest
from tests.made import shapes

import foveal
from foveal.errors import ImageError


@pytest.mark.parametrize("channels", [1, 2, 5, 16])
def test_train_evaluate_predict(tmp_path: object, channels: int) -> None:
    data = shapes(30, channels=channels)
    result = foveal.train(data, model="resnet20_cifar", epochs=1, size=16, out=f"{tmp_path}/run")
    assert foveal.evaluate(result["run"], data)["metrics"] == result["metrics"]
    model = foveal.load(result["run"])
    image = np.zeros((20, 31) if channels == 1 else (20, 31, channels), np.uint8)
    assert model(image).label in data.classes
    if channels == 5:
        with pytest.raises(ImageError, match="has 3 channels, but the network reads 5"):
            model(np.zeros((20, 31, 3), np.uint8))
