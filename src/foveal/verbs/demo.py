"""Train LeNet-5 on bundled digits, evaluate it, predict a few and leave a report; under a minute."""

from pathlib import Path
from typing import Annotated, Any

from foveal.annotations import ClassLabel
from foveal.options import Option
from foveal.types import Dataset
from foveal.verbs.train import train

PREDICTED = 5
EPOCHS = 20


def demo(
    *, out: Annotated[Path | str, Option("The run folder to make.", typed=Path)] = "foveal-demo"
) -> dict[str, Any]:
    """Trains LeNet-5 on 1,797 digits of 8×8 pixels, evaluates it on held-out ones and predicts a few.

    Returns what `foveal.train` returns, with "predictions". Raises RunError where `out` holds something already.
    """
    from foveal.answers.classify import Classified
    from foveal.console import say
    from foveal.verbs.predict import load

    digits = digits_dataset()
    result = train(digits, model="lenet5", epochs=EPOCHS, out=out)
    model = load(result["model"], engine="eager", precision="float32")  # five images
    held_out = digits.of_split("test")
    predictions = []
    for sample, prediction in zip(
        held_out, model.predict([sample.image.read() for sample in held_out[:PREDICTED]]), strict=False
    ):
        assert isinstance(prediction, Classified)
        truth = digits.classes[sample.known(ClassLabel).index]
        say(f"{sample.id}: a {truth}, read as {prediction.label} with probability {prediction.score:.3f}")
        predictions.append({"id": sample.id, "truth": truth, **prediction.to_json()})
    return {**result, "predictions": predictions}


def digits_dataset() -> Dataset:
    """scikit-learn's digits (Alpaydin & Kaynak 1998, UCI) as a data set with a held-out test split."""
    import numpy as np
    from sklearn.datasets import load_digits

    from foveal.read.arrays import from_arrays
    from foveal.read.splits import assign_splits

    bundled = load_digits()
    images = np.round(bundled.images / 16 * 255).astype(np.uint8)  # (1797, 8, 8), given in 0 to 16
    dataset = from_arrays(images, bundled.target, name="digits")
    return assign_splits(dataset, val_share=0.1, test_share=0.2, seed=0)
