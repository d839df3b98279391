"""ResNet-50 at 224 px on a GPU, from JPEG files: training images/s of Foveal and of torchvision's reference script.

The reference runs in mixed precision and channels-last, with 16 loading processes, by the torchvision that is installed
beside PyTorch. Whole processes, as in `whole_process`; "in training" are the epochs alone.
"""

import sys
from functools import partial
from importlib.util import find_spec

import torch

from benchmarks.common import keep, unpacked, with_val_folder
from benchmarks.contenders import driver, foveal, images_in
from benchmarks.turns import Row, in_turns, table

SIZE, BATCH_SIZE, EPOCHS = 224, 128, 20


def main(*, repetitions: int = 1) -> None:
    """Prints the table and keeps every repetition. About 2 minutes on an H200."""
    if not torch.cuda.is_available() or find_spec("torchvision") is None:
        print("photographs-gpu: left out, it needs a GPU and torchvision")
        return
    data = with_val_folder(unpacked("caltech22"))
    same = ["--model", "resnet50", "--size", SIZE, "--batch-size", BATCH_SIZE, "--epochs", EPOCHS]
    runs = {
        "foveal": partial(foveal, data, *same, "--train-sizes", SIZE, SIZE),
        "torchvision": partial(driver, sys.executable, "torchvision_reference.py", data, *same, "--setting", "best"),
    }
    rows: list[Row] = []
    for row in in_turns(runs, repetitions=repetitions, images=EPOCHS * images_in(data / "train")):
        rows.append(row)
        keep("photographs-gpu", rows, epochs=EPOCHS)
    print(table(rows))


if __name__ == "__main__":
    main()
