"""LeNet-5 forward and backward in plain NumPy, on a real digit, compared with autograd.

    python examples/lenet5_backprop.py

Nothing here is differentiated by a library: each layer has the chain rule written out below it. The network
is the published one (LeCun et al. 1998, section II.B): the partial connections of C3, trainable subsampling,
1.7159 tanh(2x/3), Euclidean output units and the MAP criterion. docs/backpropagation.md explains the steps.

Legend: maps are (C, H, W); d_x is the derivative of the loss by x, of the shape of x.
"""

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image
from sklearn.datasets import load_digits

from foveal.networks.build import Network, build_network

REJECTION = 0.1  # j of the MAP criterion: the distance of the class "none of them"

# Table I of the paper: a column a map of C3, a row a map of S2; X where the one reads the other.
TABLE_1 = """
X...XXX..XXXX.XX
XX...XXX..XXXX.X
XXX...XXX..X.XXX
.XXX..XXXX..X.XX
..XXX..XXXX.XX.X
...XXX..XXXX.XXX
"""
READS = [[row for row, marks in enumerate(TABLE_1.split()) if marks[column] == "X"] for column in range(16)]

Arrays = dict[str, np.ndarray]


def squash(a: np.ndarray) -> np.ndarray:
    return 1.7159 * np.tanh(2 / 3 * a)


def squash_backward(d_x: np.ndarray, x: np.ndarray) -> np.ndarray:
    """x = A tanh(Sa), so dx/da = AS (1 - tanh²) = AS - x² S/A."""
    return d_x * (1.7159 * 2 / 3 - x**2 * (2 / 3) / 1.7159)


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Each output is the sum of a 5×5 window times the kernel: y[o] = Σ_c x[c] ⋆ w[o, c] + b[o]."""
    windows = sliding_window_view(x, (5, 5), axis=(1, 2))  # (C, H', W', 5, 5)
    return np.einsum("chwij,ocij->ohw", windows, weight, optimize=True) + bias[:, None, None]


def conv_backward(d_y: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, ...]:
    """A weight meets every position, so its gradient is a sum over them; a pixel gets back what it gave."""
    windows = sliding_window_view(x, (5, 5), axis=(1, 2))
    d_weight = np.einsum("ohw,chwij->ocij", d_y, windows, optimize=True)
    d_bias = d_y.sum(axis=(1, 2))
    d_x = np.zeros_like(x)
    _, height, width = d_y.shape
    for i in range(5):
        for j in range(5):
            d_x[:, i : i + height, j : j + width] += np.einsum("ohw,oc->chw", d_y, weight[:, :, i, j])
    return d_x, d_weight, d_bias


def partial_conv(x: np.ndarray, kernels: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """C3: a small convolution for each output map, over the maps that it reads."""
    outputs, first = [], 0
    for out_map, maps in enumerate(READS):
        weight = kernels[None, first : first + len(maps)]
        outputs.append(conv(x[maps], weight, bias[out_map : out_map + 1]))
        first += len(maps)
    return np.concatenate(outputs)


def partial_conv_backward(d_y: np.ndarray, x: np.ndarray, kernels: np.ndarray) -> tuple[np.ndarray, ...]:
    """A map of S2 collects what comes back from every map of C3 that reads it."""
    d_x, d_kernels, d_bias = np.zeros_like(x), np.zeros_like(kernels), np.zeros(len(READS))
    first = 0
    for out_map, maps in enumerate(READS):
        rows = slice(first, first + len(maps))
        d_read, d_weight, d_one = conv_backward(d_y[out_map : out_map + 1], x[maps], kernels[None, rows])
        d_x[maps] += d_read
        d_kernels[rows] = d_weight[0]
        d_bias[out_map] = d_one[0]
        first += len(maps)
    return d_x, d_kernels, d_bias


def sum_2x2(x: np.ndarray) -> np.ndarray:
    return x[:, ::2, ::2] + x[:, 1::2, ::2] + x[:, ::2, 1::2] + x[:, 1::2, 1::2]


def subsample(x: np.ndarray, coefficient: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return coefficient[:, None, None] * sum_2x2(x) + bias[:, None, None]


def subsample_backward(d_y: np.ndarray, x: np.ndarray, coefficient: np.ndarray) -> tuple[np.ndarray, ...]:
    """Each of the four cells had the weight `coefficient`, so each gets that share back."""
    d_coefficient = (d_y * sum_2x2(x)).sum(axis=(1, 2))
    d_bias = d_y.sum(axis=(1, 2))
    d_x = np.kron(coefficient[:, None, None] * d_y, np.ones((1, 2, 2)))
    return d_x, d_coefficient, d_bias


def map_criterion(y: np.ndarray, label: int) -> tuple[float, np.ndarray]:
    """The loss y_D + log(e^-j + Σ_k e^-y_k), and its derivative by y."""
    exponents = -np.append(y, REJECTION)
    top = exponents.max()
    log_sum = top + np.log(np.exp(exponents - top).sum())
    d_y = -np.exp(-y - log_sum)
    d_y[label] += 1.0
    return y[label] + log_sum, d_y


def forward(p: Arrays, image: np.ndarray) -> Arrays:
    """All layers' outputs for one image (1, 32, 32); `p` holds the parameters."""
    x = {"input": image}
    x["c1"] = squash(conv(x["input"], p["c1.weight"], p["c1.bias"]))
    x["s2"] = squash(subsample(x["c1"], p["s2.coefficient"], p["s2.bias"]))
    x["c3"] = squash(partial_conv(x["s2"], p["c3.weight"], p["c3.bias"]))
    x["s4"] = squash(subsample(x["c3"], p["s4.coefficient"], p["s4.bias"]))
    x["c5"] = squash(conv(x["s4"], p["c5.weight"], p["c5.bias"]))
    x["f6"] = squash(p["f6.weight"] @ x["c5"].ravel() + p["f6.bias"])
    x["y"] = ((x["f6"] - p["rbf.codes"]) ** 2).sum(axis=1)
    return x


def backward(p: Arrays, x: Arrays, d_y: np.ndarray) -> tuple[Arrays, Arrays]:
    """The loss's derivatives by each parameter and by each layer's output, from the output to the input."""
    g: Arrays = {}
    d: Arrays = {"y": d_y}
    d["f6"] = 2 * d["y"] @ (x["f6"] - p["rbf.codes"])
    d_a = squash_backward(d["f6"], x["f6"])
    g["f6.weight"], g["f6.bias"] = np.outer(d_a, x["c5"].ravel()), d_a
    d["c5"] = (p["f6.weight"].T @ d_a).reshape(x["c5"].shape)
    d_a = squash_backward(d["c5"], x["c5"])
    d["s4"], g["c5.weight"], g["c5.bias"] = conv_backward(d_a, x["s4"], p["c5.weight"])
    d_a = squash_backward(d["s4"], x["s4"])
    d["c3"], g["s4.coefficient"], g["s4.bias"] = subsample_backward(d_a, x["c3"], p["s4.coefficient"])
    d_a = squash_backward(d["c3"], x["c3"])
    d["s2"], g["c3.weight"], g["c3.bias"] = partial_conv_backward(d_a, x["s2"], p["c3.weight"])
    d_a = squash_backward(d["s2"], x["s2"])
    d["c1"], g["s2.coefficient"], g["s2.bias"] = subsample_backward(d_a, x["c1"], p["s2.coefficient"])
    d_a = squash_backward(d["c1"], x["c1"])
    d["input"], g["c1.weight"], g["c1.bias"] = conv_backward(d_a, x["input"], p["c1.weight"])
    return g, d


def digit(index: int) -> tuple[np.ndarray, int]:
    """A handwritten digit (1, 32, 32), 28×28 in the middle, background -0.1 and ink 1.175, and its label."""
    digits = load_digits()
    small = Image.fromarray((digits.images[index] * 255 / 16).round().astype(np.uint8))
    ink = np.full((1, 32, 32), 0.0)
    ink[0, 2:30, 2:30] = np.asarray(small.resize((28, 28), Image.Resampling.BILINEAR)) / 255
    return ink * 1.275 - 0.1, int(digits.target[index])


def parameters_of(network: Network) -> Arrays:
    """The network's parameters and codes as arrays, by layer: "c1.weight", …, "rbf.codes"."""
    return {name.split(".", 1)[1]: tensor.numpy() for name, tensor in network.state_dict().items()}


def autograd(network: Network, image: np.ndarray, label: int) -> tuple[float, Arrays]:
    """The same loss and gradients from PyTorch; "input" is the gradient by the pixels."""
    pixels = torch.from_numpy(image)[None].requires_grad_()
    logits = network(pixels)["logits"][0]
    loss = -logits[label] + torch.cat([logits, logits.new_tensor([-REJECTION])]).logsumexp(dim=0)
    loss.backward()
    grads = {name.split(".", 1)[1]: p.grad.numpy() for name, p in network.named_parameters()}
    return loss.item(), {**grads, "input": pixels.grad[0].numpy()}


def main() -> None:
    torch.manual_seed(1998)
    network = build_network("lenet5", 10).double()
    image, label = digit(0)
    p = parameters_of(network)
    x = forward(p, image)
    loss, d_y = map_criterion(x["y"], label)
    g, d = backward(p, x, d_y)
    reference_loss, reference = autograd(network, image, label)

    print(f"digit {label}, loss {loss:.4f}, nearest code {x['y'].argmin()}")
    print("layer   |output|   |d_output|   |d_weight|   |d_bias|")
    for layer in ("f6", "c5", "s4", "c3", "s2", "c1"):
        weight = g[f"{layer}.coefficient" if layer in ("s2", "s4") else f"{layer}.weight"]
        norms = [np.linalg.norm(array) for array in (x[layer], d[layer], weight, g[f"{layer}.bias"])]
        print("{:5s} {:10.4f} {:12.4f} {:12.4f} {:10.4f}".format(layer, *norms))
    print(f"input {np.linalg.norm(image):10.4f} {np.linalg.norm(d['input']):12.4f}")
    worst = max(abs(array - reference[name]).max() for name, array in {**g, "input": d["input"]}.items())
    worst = max(worst, abs(loss - reference_loss))
    print(f"largest difference to autograd {'below 1e-10' if worst < 1e-10 else worst}")


if __name__ == "__main__":
    main()
