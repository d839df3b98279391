"""airbench94 with Muon (Jordan 2024, arXiv:2404.00498, and its repository's airbench94_muon), on a GPU or the CPU.

Its network, optimisers, schedule, augmentation and eight epochs of batches of 2,000, in bfloat16 and channels-last;
compiled with --compile. The images are read from the same JPEG files. Needs torch, NumPy and Pillow, as Foveal does.
"""

import argparse
import json
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

BATCH, PAD, SMOOTHING, EVALUATED = 2000, 2, 0.2, 2000
BIAS_LR, HEAD_LR, MOMENTUM, WEIGHT_DECAY = 0.053, 0.67, 0.85, 2e-6 * BATCH
MUON_LR, MUON_MOMENTUM, MUON_STEPS = 0.24, 0.6, 3
WHITENED_EPOCHS = 3
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def opened(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def read(folder: Path) -> tuple[Tensor, Tensor]:
    """Standardised images (N, 3, 32, 32) bfloat16 and labels (N,)."""
    files = [(path, label) for label, name in enumerate(sorted(folder.iterdir())) for path in sorted(name.iterdir())]
    with ProcessPoolExecutor() as pool:
        pixels = np.stack(list(pool.map(opened, (path for path, _ in files), chunksize=500)))
    mean, std = (torch.tensor(each, device=DEVICE)[:, None, None] for each in (MEAN, STD))
    images = (torch.from_numpy(pixels).to(DEVICE).permute(0, 3, 1, 2).float() / 255 - mean) / std
    labels = torch.tensor([label for _, label in files], device=DEVICE)
    return images.to(torch.bfloat16).contiguous(memory_format=torch.channels_last), labels


class Conv(nn.Conv2d):
    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(in_channels, out_channels, 3, padding="same", bias=False)
        nn.init.dirac_(self.weight.data[:in_channels])


def norm(channels: int) -> nn.BatchNorm2d:
    layer = nn.BatchNorm2d(channels, eps=1e-12, momentum=0.4)
    layer.weight.requires_grad_(False)
    return layer


def group(in_channels: int, out_channels: int) -> nn.Sequential:
    first, second = Conv(in_channels, out_channels), Conv(out_channels, out_channels)
    return nn.Sequential(first, nn.MaxPool2d(2), norm(out_channels), nn.GELU(), second, norm(out_channels), nn.GELU())


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.whiten = nn.Conv2d(3, 24, 2)
        self.whiten.weight.requires_grad_(False)
        self.layers = nn.Sequential(nn.GELU(), group(24, 64), group(64, 256), group(256, 256), nn.MaxPool2d(3))
        self.head = nn.Linear(256, 10, bias=False)
        self.head.weight.data /= self.head.weight.data.std()

    def whiten_by(self, images: Tensor) -> None:
        patches = F.unfold(images.float(), 2).transpose(1, 2).flatten(0, 1)
        variances, vectors = torch.linalg.eigh(patches.T @ patches / len(patches))
        filters = (vectors / (variances + 5e-4).sqrt()).T.reshape(12, 3, 2, 2)
        self.whiten.weight.data.copy_(torch.cat([filters, -filters]))

    def forward(self, images: Tensor, learn_bias: bool) -> Tensor:
        bias = self.whiten.bias if learn_bias else self.whiten.bias.detach()
        features = self.layers(F.conv2d(images, self.whiten.weight, bias)).flatten(1)
        return self.head(features) / features.shape[1]


def orthogonalised(matrix: Tensor) -> Tensor:
    x = matrix.bfloat16()
    x = x / (x.norm() + 1e-7)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    for _ in range(MUON_STEPS):
        gram = x @ x.T
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.T if tall else x


class Muon:
    def __init__(self, kernels: list[nn.Parameter]) -> None:
        self.kernels, self.velocities = kernels, [torch.zeros_like(each) for each in kernels]
        self.orthogonalised = orthogonalised

    @torch.no_grad()
    def step(self, lr: float) -> None:
        for kernel, velocity in zip(self.kernels, self.velocities, strict=True):
            velocity.mul_(MUON_MOMENTUM).add_(kernel.grad)
            ahead = kernel.grad.add(velocity, alpha=MUON_MOMENTUM)
            kernel.mul_(len(kernel) ** 0.5 / kernel.norm())
            kernel.add_(self.orthogonalised(ahead.reshape(len(ahead), -1)).reshape(kernel.shape), alpha=-lr)


def augmented(images: Tensor, epoch: int) -> Tensor:
    """Every image shifted by up to two pixels; all mirrored in every other epoch."""
    padded = F.pad(images, (PAD,) * 4, "reflect")
    shifted = torch.empty_like(images)
    shifts = torch.randint(0, 2 * PAD + 1, (len(images), 2), device=DEVICE)
    for dy in range(2 * PAD + 1):
        for dx in range(2 * PAD + 1):
            chosen = (shifts[:, 0] == dy) & (shifts[:, 1] == dx)
            shifted[chosen] = padded[chosen, :, dy : dy + 32, dx : dx + 32]
    return shifted.flip(-1) if epoch % 2 else shifted


def small_parameters(net: Net) -> torch.optim.SGD:
    """What Muon does not learn: the whitening's bias, the norms' biases and the head, in this order."""
    biases = [each for each in net.parameters() if each.requires_grad and each.ndim == 1]
    biases = [each for each in biases if each is not net.whiten.bias]
    groups = [([net.whiten.bias], BIAS_LR), (biases, BIAS_LR), ([net.head.weight], HEAD_LR)]
    return torch.optim.SGD(
        [{"params": each, "lr": lr, "weight_decay": WEIGHT_DECAY / lr} for each, lr in groups],
        lr=BIAS_LR,
        momentum=MOMENTUM,
        nesterov=True,
    )


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--compile", action="store_true")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    torch.manual_seed(args.seed)
    torch.backends.cudnn.benchmark = True
    start = time.perf_counter()
    images, labels = read(args.data / "train")
    decoded = time.perf_counter()
    net = Net().to(DEVICE, torch.bfloat16, memory_format=torch.channels_last)
    for layer in net.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.float()
    net.whiten_by(images[torch.randperm(len(images))[:5000]])
    sgd = small_parameters(net)
    muon = Muon([each for each in net.parameters() if each.ndim == 4 and each.requires_grad])
    run = torch.compile(net) if args.compile else net
    if args.compile:
        muon.orthogonalised = torch.compile(orthogonalised)
    steps_per_epoch = len(images) // BATCH
    total, whitened = args.epochs * steps_per_epoch, WHITENED_EPOCHS * steps_per_epoch
    step, epoch_seconds = 0, []
    mirrored = torch.where(torch.rand(len(images), 1, 1, 1, device=DEVICE) < 0.5, images.flip(-1), images)
    for epoch in range(args.epochs):
        begun = time.perf_counter()
        net.train()
        seen, order = augmented(mirrored, epoch), torch.randperm(len(images), device=DEVICE)
        for number in range(steps_per_epoch):
            rows = order[number * BATCH : (number + 1) * BATCH]
            batch = seen[rows].contiguous(memory_format=torch.channels_last)
            outputs = run(batch, step < whitened)
            F.cross_entropy(outputs.float(), labels[rows], label_smoothing=SMOOTHING, reduction="sum").backward()
            rates = (
                BIAS_LR * max(0.0, 1 - step / whitened),
                BIAS_LR * (1 - step / total),
                HEAD_LR * (1 - step / total),
            )
            for group_, rate in zip(sgd.param_groups, rates, strict=True):
                group_["lr"] = rate
            sgd.step()
            muon.step(MUON_LR * (1 - step / total))
            net.zero_grad(set_to_none=True)
            step += 1
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()
        epoch_seconds.append(time.perf_counter() - begun)
    trained = time.perf_counter()
    net.eval()
    images, labels = read(args.data / "test")
    with torch.inference_mode():
        said = torch.cat([net(part, False).argmax(1) for part in images.split(EVALUATED)])
    accuracy = float((said == labels).float().mean())
    result = {
        "accuracy": accuracy,
        "epochs": args.epochs,
        "compiled": args.compile,
        "seconds_decode": decoded - start,
        "seconds_train": trained - decoded,
        "epoch_seconds": epoch_seconds,
        "images_per_second": total * BATCH / (trained - decoded),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
