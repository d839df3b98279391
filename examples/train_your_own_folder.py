"""From a folder of labelled images to a model that recognises new ones, in four calls.

    python examples/train_your_own_folder.py

Makes the folder digits-example/digits with a folder a class, 0/ to 9/, of PNG files out of scikit-learn's
bundled digits (nothing is downloaded), then trains on it, evaluates, and predicts a few files. Only
`make_class_folder` is about digits: the other calls work alike on a folder of your own with a folder a class.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import foveal


def make_class_folder(folder: Path, *, per_class: int) -> Path:
    """`folder` with CLASS/NUMBER.png: `per_class` grey images of 8×8 pixels for each of ten digits."""
    digits = load_digits()
    pixels = np.round(digits.images / 16 * 255).astype(np.uint8)  # (1797, 8, 8), given in 0 to 16
    for digit in range(10):
        (folder / str(digit)).mkdir(parents=True)
        for number, image in enumerate(pixels[digits.target == digit][:per_class]):
            Image.fromarray(image).save(folder / str(digit) / f"{number:03}.png")
    return folder


def main(where: Path = Path("digits-example"), *, per_class: int = 80, epochs: float = 8) -> None:
    """Leaves `where`/digits and the run folder `where`/run."""
    data = make_class_folder(where / "digits", per_class=per_class)

    # Network, input size and everything else that isn't given is chosen from the images; standard error says why.
    result = foveal.train(data, epochs=epochs, out=where / "run")

    # The folder has no test/, so training held 20 % of each class out and never read them. The model file knows
    # which, and evaluation takes the same ones.
    evaluation = foveal.evaluate(result["run"], data)
    recall = {name: row["recall"]["value"] for name, row in evaluation["per_class"].items()}
    hardest = min(recall, key=lambda name: recall[name])
    print(f"{evaluation['n']} test images; the class missed most often is {hardest}")

    # Any files, folders or globs; of these three it may have learned from some.
    for prediction in foveal.predict(result["model"], sorted((data / "7").iterdir())[:3]):
        answer = prediction.answer
        print(f"{prediction.path}: {answer.label}, probability {answer.score:.3f}")

    print(f"the report: {where / 'run' / 'report.html'}")


if __name__ == "__main__":
    main()
