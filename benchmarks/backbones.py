"""A detector and a segmentation on each kind of backbone: images/s of training, and the loss falling."""

from benchmarks.architectures import losses_of
from benchmarks.common import keep, unpacked
from benchmarks.turns import Row

BACKBONES = ("resnet18_d_half", "resnet18", "resnet50", "googlenet_bn", "vgg16_bn")
TASKS = (("detect", "bccd", "AP50", ()), ("segment", "camvid", "mIoU", ("--void", 11)))
SIZE, EPOCHS = 224, 1
"""Longer side in pixels, and times through the training images."""


def main() -> None:
    """About 7 minutes."""
    rows: list[Row] = []
    for task, name, figure, words in TASKS:
        for model in BACKBONES:
            asked = ("--model", model, "--size", SIZE, "--epochs", EPOCHS, *words)
            row = {"task": task, "model": model, **losses_of(unpacked(name), *asked, figure=figure)}
            rows.append(row)
            keep("backbones", rows)
            print(
                f"{task:8} {model:16} {row['images_per_second']:6.1f} images/s, "
                f"loss {row['first_loss']:.2f} -> {row['last_loss']:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
