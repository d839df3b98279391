"""MNIST by a plain PyTorch loop over torch's DataLoader and TensorDataset, with a network of LeNet-5's size.

The layers of LeNet-5 (LeCun et al. 1998) as they are written today: all of C3's connections, average pooling without
coefficients, a linear output and cross-entropy; 61,706 parameters. SGD with momentum in float32.
Needs PyTorch and NumPy alone: it runs in the project's own environment.
"""

import argparse
import gzip
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

LR, MOMENTUM = 0.05, 0.9
MEAN, STD = 0.1307, 0.3081  # of the training pixels


def read_idx(path: Path, header_bytes: int) -> np.ndarray:
    """The bytes of a gzipped IDX file behind its header, flat."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=header_bytes)


def dataset(data: Path, split: str) -> TensorDataset:
    """All images of a split as (N, 1, 28, 28) float32, with their labels (N,) int64."""
    images = read_idx(data / f"{split}-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    labels = read_idx(data / f"{split}-labels-idx1-ubyte.gz", 8)
    pixels = torch.from_numpy(images.astype(np.float32) / 255)
    return TensorDataset((pixels - MEAN) / STD, torch.from_numpy(labels.astype(np.int64)))


def lenet5() -> nn.Sequential:
    """Images (B, 1, 28, 28) -> logits (B, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(16, 120, 5), nn.Tanh(), nn.Flatten(),
        nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip


def train(network: nn.Module, loader: DataLoader, epochs: int) -> float:
    """Trains and gives the seconds of it."""
    criterion = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(network.parameters(), lr=LR, momentum=MOMENTUM)
    start = time.perf_counter()
    network.train()
    for _ in range(epochs):
        for images, labels in loader:
            optimiser.zero_grad()
            loss = criterion(network(images), labels)
            loss.backward()
            optimiser.step()
    return time.perf_counter() - start


def accuracy(network: nn.Module, loader: DataLoader) -> float:
    network.eval()
    with torch.inference_mode():
        right = sum(int((network(images).argmax(1) == labels).sum()) for images, labels in loader)
    return right / len(loader.dataset)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="MNIST's four .gz files")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    training, test = dataset(args.data, "train"), dataset(args.data, "t10k")
    network = lenet5()
    seconds = train(network, DataLoader(training, batch_size=args.batch_size, shuffle=True), args.epochs)
    result = {
        "accuracy": accuracy(network, DataLoader(test, batch_size=args.batch_size)),
        "epochs": args.epochs,
        "train_images": len(training),
        "seconds_train": seconds,
        "images_per_second": args.epochs * len(training) / seconds,
        "versions": {"torch": torch.__version__},
    }
    with tempfile.TemporaryDirectory() as folder:
        torch.save(network.state_dict(), Path(folder) / "weights.pt")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
