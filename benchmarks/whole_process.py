"""Photographs from their JPEG files, ResNet-18 at 128 px, 20 epochs with an evaluation each: Foveal and its peers.

Each is a whole process from its start to its exit, decoding, saving and the evaluation of the test images inside.
`--epochs 3` is a short version; it counts starting up more than a real run does.
"""

import argparse
from collections.abc import Sequence
from functools import partial

from benchmarks.common import keep, unpacked, with_val_folder
from benchmarks.contenders import BATCH_SIZE, PEERS, SIZE, foveal, images_in, peer, warm_up
from benchmarks.turns import Row, in_turns, table

CONTENDERS = ("foveal", *PEERS)


def main(
    *, epochs: int = 20, repetitions: int = 3, contenders: Sequence[str] = CONTENDERS, name: str = "whole-process"
) -> list[Row]:
    """Prints the table, keeps every repetition in results/NAME.json and gives them. About 3 hours on 2 cores."""
    data = with_val_folder(unpacked("caltech22"))
    images = epochs * images_in(data / "train")
    same = ["--size", SIZE, "--batch-size", BATCH_SIZE, "--epochs", epochs]
    ours = ["--model", "resnet18", *same, "--train-sizes", SIZE, SIZE]  # no growing images: they would be less work
    runs = {
        contender: partial(foveal, data, *ours) if contender == "foveal" else partial(peer, contender, data, *same)
        for contender in contenders
    }
    warm_up(contenders)
    rows: list[Row] = []
    for row in in_turns(runs, repetitions=repetitions, images=images):
        rows.append(row)
        keep(name, rows, epochs=epochs)
    print(f"{epochs} epochs of {images // epochs:,} images at {SIZE} px, {repetitions} repetitions\n{table(rows)}")
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=CONTENDERS)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--repetitions", type=int, default=3)
    main(**vars(parser.parse_args()))
