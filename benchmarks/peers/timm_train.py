"""ResNet-18 as timm's train.py trains it. The script is not in timm's wheel: this is its pattern, by the
package's public functions, with the script's defaults.

default: SGD with Nesterov's momentum 0.9 and weight decay 2e-5; 0.1 as the learning rate of 256 images a step, scaled
to the batch; cosine after 5 epochs of warm-up; label smoothing 0.1, colour jitter 0.4; 4 loading processes, float32.
best: the same recipe in channels-last and bfloat16, without loading processes.
"""

import time
from argparse import Namespace

import PIL
import timm
import torch
import torchvision
from driver import arguments, finish, layout, mixed_precision
from timm.data import create_dataset, create_loader, resolve_data_config
from timm.data.loader import PrefetchLoader
from timm.loss import LabelSmoothingCrossEntropy
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from torch import nn

LR, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 2e-5
LR_IMAGES = 256  # images a step that LR is for
WARMUP_EPOCHS, WARMUP_LR = 5, 1e-5
WORKERS = {"default": 4, "best": 0}


def data_loaders(args: Namespace) -> dict[str, PrefetchLoader]:
    """Batches of each split, the training images' augmented, in a new order each epoch."""
    config = resolve_data_config({"input_size": (3, args.size, args.size)}, model=timm.create_model("resnet18"))
    made = {}
    for split in ("train", "val", "test"):
        training = split == "train"
        made[split] = create_loader(
            create_dataset("", root=str(args.data / split), split=split, is_training=training, seed=args.seed),
            input_size=config["input_size"],
            batch_size=args.batch_size,
            is_training=training,
            color_jitter=0.4,  # of training images only
            interpolation="random" if training else config["interpolation"],
            mean=config["mean"],
            std=config["std"],
            crop_pct=config["crop_pct"],
            num_workers=args.workers,
            persistent_workers=args.workers > 0,  # its default, which PyTorch refuses without workers
            device=args.device,
        )
    return made


def train_epoch(args: Namespace, network: nn.Module, loader: PrefetchLoader, optimiser: torch.optim.Optimizer) -> None:
    criterion = LabelSmoothingCrossEntropy(smoothing=0.1)
    network.train()
    for images, labels in loader:
        with mixed_precision(args):
            loss = criterion(network(images.contiguous(memory_format=layout(args))), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    if args.device.type == "cuda":
        torch.cuda.synchronize()


def accuracy(args: Namespace, network: nn.Module, loader: PrefetchLoader) -> float:
    network.eval()
    right = 0
    with torch.inference_mode(), mixed_precision(args):
        for images, labels in loader:
            right += int((network(images.contiguous(memory_format=layout(args))).argmax(1) == labels).sum())
    return right / len(loader.dataset)


def main() -> None:
    args = arguments(__doc__, workers=WORKERS)
    loaders = data_loaders(args)
    classes = len(loaders["train"].dataset.reader.class_to_idx)
    network = timm.create_model(args.model, pretrained=False, num_classes=classes)
    network = network.to(args.device, memory_format=layout(args))
    lr = LR * args.batch_size / LR_IMAGES
    optimiser = create_optimizer_v2(network, opt="sgd", lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    schedule, epochs = create_scheduler_v2(
        optimiser, sched="cosine", num_epochs=args.epochs, warmup_epochs=WARMUP_EPOCHS, warmup_lr=WARMUP_LR
    )
    train_seconds, epoch_seconds = [], []
    for epoch in range(epochs):
        start = time.perf_counter()
        train_epoch(args, network, loaders["train"], optimiser)
        train_seconds.append(time.perf_counter() - start)
        accuracy(args, network, loaders["val"])
        schedule.step(epoch + 1)
        epoch_seconds.append(time.perf_counter() - start)
    finish(
        args,
        network,
        accuracy=accuracy(args, network, loaders["test"]),
        train_images=len(loaders["train"].dataset),
        train_seconds=train_seconds,
        epoch_seconds=epoch_seconds,
        versions={"timm": timm.__version__, "torchvision": torchvision.__version__, "Pillow": PIL.__version__},
    )


if __name__ == "__main__":
    main()
