"""Writes golden.json: the operators of libCTorch.so and their gradients as PyTorch computes them in float64.

Usage: python3 make_golden.py   (needs torch)

All tensors follow from the formula that the tests have, too.
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F


def uniform(shape, ordinal):
    """float32 values in [-1, 1): a hash of the position in the tensor and of the tensor's ordinal."""
    mask = 0xFFFFFFFF
    h = (torch.arange(math.prod(shape), dtype=torch.int64) * 2654435761 + ordinal * 40503 + 12345) & mask
    h ^= h >> 15
    h = (h * 2246822519) & mask  # int64 wraps around; the low 32 bits stay right
    h ^= h >> 13
    return (((h >> 8) - (1 << 23)).to(torch.float32) / (1 << 23)).reshape(shape)


def summary(tensor):
    """Shape, root mean square and 16 values at evenly spread positions."""
    values = tensor.detach().contiguous().flatten()
    count = values.numel()
    samples = values[[i * (count - 1) // 15 for i in range(16)]]
    return {
        "shape": list(tensor.shape),
        "rms": float(f"{values.square().mean().sqrt().item():.8g}"),
        "values": [float(f"{value:.8g}") for value in samples.tolist()],
    }


def run(shapes, function):
    """Golden summaries of y = function(tensors but the last) and of the gradients, where the last tensor is that of y."""
    *leaves, dy = (uniform(shape, ordinal).double() for ordinal, shape in enumerate(shapes.values()))
    leaves = [leaf.requires_grad_() for leaf in leaves]
    y = function(*leaves)
    y.backward(dy)
    golden = {"shapes": {name: list(shape) for name, shape in shapes.items()}, "y": summary(y)}
    return golden | {f"d{name}": summary(leaf.grad) for name, leaf in zip(shapes, leaves)}


def convolution(x, weight, bias):
    return F.conv2d(x, weight, bias, padding=1)


def batch_norm(x, weight, bias, other):
    return F.relu(F.batch_norm(x, None, None, weight, bias, training=True, eps=1e-5) + other)


def main():
    x, y = (6, 32, 13, 18), (6, 64, 13, 18)
    golden = {
        "convolution": run({"x": x, "weight": (64, 32, 3, 3), "bias": (64,), "dy": y}, convolution),
        "batch_norm": run({"x": x, "weight": (32,), "bias": (32,), "other": x, "dy": x}, batch_norm),
    }
    (Path(__file__).parent / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
