"""Writes the .pth files that the tests of importing read, and pth.json with what PyTorch reads in them.

Usage: python3 make_pth.py   (needs torch)

Names and containers are those of real checkpoints; shapes are small.
"""

import argparse
import json
import os
from collections import OrderedDict
from pathlib import Path

import torch

FOLDER = Path(__file__).parent / "pth"
FOLDER.mkdir(exist_ok=True)
expected = {}


def ramp(*shape, dtype=torch.float32):
    """Different values at every place, exact in half precision."""
    count = torch.Size(shape).numel()
    return (torch.arange(count, dtype=torch.float64) / 8 - 1).reshape(shape).to(dtype)


def save(name, content, tensors, **options):
    torch.save(content, FOLDER / name, **options)
    expected[name] = {
        key: {"shape": list(value.shape), "values": value.detach().double().flatten().tolist()}
        for key, value in tensors.items()
    }


types = {
    "float32": ramp(2, 3), "float64": ramp(3, dtype=torch.float64), "float16": ramp(2, 2, dtype=torch.float16),
    "bfloat16": ramp(4, dtype=torch.bfloat16), "int64": torch.tensor([-5, 2**40]),
    "int32": torch.tensor([[-1], [7]], dtype=torch.int32), "uint8": torch.tensor([0, 255], dtype=torch.uint8),
    "bool": torch.tensor([True, False]), "scalar": torch.tensor(2.5), "empty": torch.zeros(0, 4),
    "parameter": torch.nn.Parameter(ramp(2)),
}
save("types.pth", types, types)

base = ramp(4, 6)
weight = ramp(2, 3, 2, 2).contiguous(memory_format=torch.channels_last)
views = {
    "base": base, "transposed": base.t(), "row": base[2], "column": base[:, 1], "block": base[1:3, ::2],
    "channels_last": weight, "repeated": torch.tensor([1.5]).expand(3, 2), "same": base,
}
save("views.pth", views, views)

for protocol in (2, 3, 4, 5):
    state = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 1), torch.nn.BatchNorm2d(3)).state_dict()
    for index, value in enumerate(state.values()):
        value.copy_(ramp(*value.shape) + index)
    checkpoint = {
        "epoch": 200, "arch": "resnet50", "best": 0.75, "state_dict": state, "big": 2**100, "none": None, "flag": True,
        "args": argparse.Namespace(lr=0.03, schedule=[120, 160], name="é", nested={"a": (1, 2)}),
        "optimizer": {"state": {0: {"momentum_buffer": ramp(3)}}, "param_groups": [{"lr": 0.03, "params": [0]}]},
        "size": torch.Size([2, 3]), "bytes": b"\x00\xff" if protocol > 2 else None, "set": {1} if protocol > 3 else None,
    }
    save(f"checkpoint{protocol}.pth", checkpoint, state, pickle_protocol=protocol)

small = OrderedDict((name, ramp(2)) for name in ["model.a", "model.b"])
save("nested.pth", {"model": {"network": small}}, small)

# MoCo v1: two encoders and the queue; this one has the names of a ResNet only at its ends.
moco = OrderedDict()
for encoder in ("encoder_q", "encoder_k"):
    for name, shape in [("conv1.weight", (2, 3, 1, 1)), ("layer1.0.conv1.weight", (2, 2, 1, 1)), ("fc.weight", (4, 2))]:
        moco[f"module.{encoder}.{name}"] = ramp(*shape)
moco["module.queue"] = ramp(4, 8)
moco["module.queue_ptr"] = torch.tensor([3])
save("moco.pth", {"epoch": 200, "arch": "resnet50", "state_dict": moco, "optimizer": {}}, moco)



class Evil:
    """Runs a program in whoever unpickles it with Python."""

    def __reduce__(self):
        return os.system, ("touch executed",)


torch.save({"state_dict": small, "epoch": Evil()}, FOLDER / "evil.pth")
torch.save(ramp(2), FOLDER / "tensor.pth")
torch.save({"a": ramp(2)}, FOLDER / "legacy.pth", _use_new_zipfile_serialization=False)
torch.save(torch.nn.Linear(1, 1), FOLDER / "module.pth")
(FOLDER / "pth.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
