"""A small network, where what isn't arithmetic counts: LeNet-5 on MNIST, 5 epochs, against a plain PyTorch loop.

Each is a whole process, from MNIST's files to the accuracy on the test images: no augmentation, nothing held out.
"""

import sys
from functools import partial

from benchmarks.common import keep, unpacked
from benchmarks.contenders import driver, foveal
from benchmarks.turns import Row, in_turns, table

EPOCHS, BATCH_SIZE, IMAGES = 5, 256, 60_000


def main(*, repetitions: int = 5, name: str = "small-net") -> list[Row]:
    """Prints the table and where our time goes, keeps every repetition and gives them. About 4 minutes on 2 cores."""
    data = unpacked("mnist")
    same = ["--epochs", EPOCHS, "--batch-size", BATCH_SIZE]
    ours = ["--model", "lenet5", *same, "--augmentation", "none", "--val-share", 0]
    runs = {
        "foveal": partial(foveal, data, *ours),
        "plain PyTorch": partial(driver, sys.executable, "plain_torch.py", data, *same),
    }
    rows: list[Row] = []
    for row in in_turns(runs, repetitions=repetitions, images=EPOCHS * IMAGES):
        rows.append(row)
        keep(name, rows, epochs=EPOCHS)
    print(f"{EPOCHS} epochs of {IMAGES:,} digits, {repetitions} repetitions\n{table(rows)}")
    parts = [f"{part} {seconds:.1f}" for part, seconds in rows[-2]["times"].items()]
    print(f"foveal's seconds: {', '.join(parts)}")
    return rows


if __name__ == "__main__":
    main()
