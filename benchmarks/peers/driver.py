"""What the drivers share: their arguments and the one JSON line each prints. Standard library and torch alone."""

import argparse
import json
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn


def arguments(
    description: str | None, *, workers: dict[str, int | None], models: Sequence[str] = ("resnet18",)
) -> argparse.Namespace:
    """The driver's arguments; seeds torch and random. workers: loading processes of each setting."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="a folder with train/, val/ and test/, class folders in each")
    parser.add_argument("--size", type=int, default=128, help="side of the network's input in pixels")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--setting", choices=["default", "best"], default="default")
    parser.add_argument("--model", choices=models, default=models[0])
    parser.add_argument("--workers", type=int, help="loading processes, instead of the setting's own number")
    args = parser.parse_args()
    if args.workers is None:
        args.workers = workers[args.setting]
    args.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(args.seed)
    random.seed(args.seed)
    return args


def mixed_precision(args: argparse.Namespace) -> torch.autocast:
    """Automatic mixed precision where the setting is the best one, else nothing; bfloat16 needs no scaled loss."""
    return torch.autocast(args.device.type, dtype=torch.bfloat16, enabled=args.setting == "best")


def layout(args: argparse.Namespace) -> torch.memory_format:
    """channels-last where the setting is the best one, else PyTorch's default."""
    return torch.channels_last if args.setting == "best" else torch.contiguous_format


def finish(
    args: argparse.Namespace,
    network: nn.Module,
    *,
    accuracy: float,
    train_images: int,
    train_seconds: Sequence[float],
    epoch_seconds: Sequence[float],
    versions: dict[str, str],
) -> None:
    """Saves the weights, once, and prints the result as the last line of standard output.

    accuracy: of the test images, after training. train_seconds: of each epoch, loading and steps; epoch_seconds: with
    its evaluation. images_per_second: all training images over train_seconds, those of a last part batch too,
    whether it was taken or left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        torch.save(network.state_dict(), Path(folder) / "weights.pt")
    seconds = sum(train_seconds)
    result = {
        "accuracy": accuracy,
        "epochs": args.epochs,
        "train_images": train_images,
        "seconds_train": seconds,
        "images_per_second": args.epochs * train_images / seconds,
        "epoch_seconds": list(epoch_seconds),
        "setting": args.setting,
        "workers": args.workers,
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, **versions},
    }
    print(f"\n{json.dumps(result)}", flush=True)  # a progress bar may have left its line open
