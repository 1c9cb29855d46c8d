"""Writes reference.safetensors with the format's own Python package.

Usage: python3 make_safetensors.py   (needs torch and safetensors)
"""

from pathlib import Path

import torch
from safetensors.torch import save_file

save_file(
    {
        "conv.weight": (torch.arange(24, dtype=torch.float32) / 8 - 1).reshape(2, 3, 2, 2),
        "conv.bias": torch.tensor([0.5, -0.5], dtype=torch.bfloat16),
        "half": torch.tensor([[1.0], [65504.0]], dtype=torch.float16),
        "double": torch.tensor([1e300, -2.5], dtype=torch.float64),
        "counter": torch.tensor(7, dtype=torch.int64),
        "indices": torch.tensor([-1, 2147483647], dtype=torch.int32),
        "bytes": torch.tensor([0, 255, 3], dtype=torch.uint8),
        "mask": torch.tensor([True, False, True]),
        "nothing": torch.zeros(0, 5),
    },
    Path(__file__).parent / "reference.safetensors",
    metadata={"format": "pt", "note": "écrit par la référence"},
)
