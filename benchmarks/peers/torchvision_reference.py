"""A network as torchvision's reference scripts train it (references/classification), on a GPU or the CPU.

default: SGD with momentum 0.9 and weight decay 1e-4; 0.1 as the learning rate of 8 × 32 images a step, scaled to the
batch, divided by 10 after each third of the epochs; RandomResizedCrop and flip; Resize to 8/7 of the side and
CenterCrop; 16 loading processes, float32.
best: the same recipe in channels-last and bfloat16; on the CPU without loading processes.
"""

import time
from argparse import Namespace

import PIL
import torch
import torchvision
from driver import arguments, finish, layout, mixed_precision
from torch import nn
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

LR, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 1e-4
LR_IMAGES = 256  # images a step that LR is for: 8 devices of 32
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
WORKERS = {"default": 16, "best": 16 if torch.cuda.is_available() else 0}


def data_loaders(args: Namespace) -> dict[str, DataLoader]:
    """Batches of each split, the training images' cropped at random, in a new order each epoch."""
    to_tensor = [transforms.PILToTensor(), transforms.ConvertImageDtype(torch.float32), transforms.Normalize(MEAN, STD)]
    augmented = [transforms.RandomResizedCrop(args.size), transforms.RandomHorizontalFlip(), *to_tensor]
    central = [transforms.Resize(args.size * 256 // 224), transforms.CenterCrop(args.size), *to_tensor]
    return {
        split: DataLoader(
            ImageFolder(args.data / split, transforms.Compose(steps)),
            batch_size=args.batch_size,
            shuffle=split == "train",
            num_workers=args.workers,
            pin_memory=args.device.type == "cuda",
            persistent_workers=args.setting == "best" and args.workers > 0,
        )
        for split, steps in (("train", augmented), ("val", central), ("test", central))
    }


def train_epoch(args: Namespace, network: nn.Module, loader: DataLoader, optimiser: torch.optim.Optimizer) -> None:
    criterion = nn.CrossEntropyLoss()
    network.train()
    for images, labels in loader:
        images, labels = (each.to(args.device, non_blocking=True) for each in (images, labels))
        with mixed_precision(args):
            loss = criterion(network(images.to(memory_format=layout(args))), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    if args.device.type == "cuda":
        torch.cuda.synchronize()


def accuracy(args: Namespace, network: nn.Module, loader: DataLoader) -> float:
    network.eval()
    right = 0
    with torch.inference_mode(), mixed_precision(args):
        for images, labels in loader:
            said = network(images.to(args.device, memory_format=layout(args))).argmax(1)
            right += int((said.cpu() == labels).sum())
    return right / len(loader.dataset)


def main() -> None:
    args = arguments(__doc__, workers=WORKERS, models=("resnet18", "resnet50"))
    loaders = data_loaders(args)
    training = loaders["train"].dataset
    network = torchvision.models.get_model(args.model, num_classes=len(training.classes))
    network = network.to(args.device, memory_format=layout(args))
    lr = LR * args.batch_size / LR_IMAGES
    optimiser = torch.optim.SGD(network.parameters(), lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.StepLR(optimiser, step_size=max(1, args.epochs // 3), gamma=0.1)
    train_seconds, epoch_seconds = [], []
    for _ in range(args.epochs):
        start = time.perf_counter()
        train_epoch(args, network, loaders["train"], optimiser)
        schedule.step()
        train_seconds.append(time.perf_counter() - start)
        accuracy(args, network, loaders["val"])
        epoch_seconds.append(time.perf_counter() - start)
    finish(
        args,
        network,
        accuracy=accuracy(args, network, loaders["test"]),
        train_images=len(training),
        train_seconds=train_seconds,
        epoch_seconds=epoch_seconds,
        versions={"torchvision": torchvision.__version__, "Pillow": PIL.__version__},
    )


if __name__ == "__main__":
    main()
