"""Writes golden.json: the operators of libCTorch.so and their gradients as PyTorch computes them in float64.

Usage: python3 make_golden.py   (needs torch)

All tensors follow from the formula that the tests have, too.
"""

import json
import sys
from pathlib import Path

import torch.nn.functional as F

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))
from formula import summary, uniform  # noqa: E402


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


def small_convolution(x, weight, bias):
    return F.conv2d(x, weight, bias, stride=2, padding=1)


def batch_norm(x, weight, bias, other):
    return F.relu(F.batch_norm(x, None, None, weight, bias, training=True, eps=1e-5) + other)


def main():
    x, y = (6, 32, 13, 18), (6, 64, 13, 18)
    golden = {
        "convolution": run({"x": x, "weight": (64, 32, 3, 3), "bias": (64,), "dy": y}, convolution),
        "small_convolution": run(
            {"x": (6, 32, 5, 3), "weight": (64, 32, 3, 3), "bias": (64,), "dy": (6, 64, 3, 2)}, small_convolution),
        "batch_norm": run({"x": x, "weight": (32,), "bias": (32,), "other": x, "dy": x}, batch_norm),
    }
    (FOLDER / "golden.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
