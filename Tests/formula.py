"""What TestSupport/Formula.swift has, too: tensors by formula, and summaries of tensors for golden files."""

import math

import torch


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
    values = tensor.detach().contiguous().flatten().double()
    count = values.numel()
    samples = values[[i * (count - 1) // 15 for i in range(16)]]
    digits = lambda value: float(f"{value:.8g}")  # noqa: E731
    return {
        "shape": list(tensor.shape),
        "rms": digits(values.square().mean().sqrt().item()),
        "values": [digits(value) for value in samples.tolist()],
    }
