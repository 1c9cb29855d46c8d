"""Writes the .pth files that the tests of importing read, and pth.json with what PyTorch reads in them.

Usage: python3 make_pth.py   (needs torch and numpy)

Names and containers are those of real checkpoints; shapes are small.
"""

import argparse
import enum
import json
import os
import sys
import types as python_types
from collections import Counter, OrderedDict, defaultdict
from pathlib import Path, PurePosixPath

import numpy
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
trunk = OrderedDict((name, ramp(2)) for name in ["_feature_blocks.a", "_feature_blocks.b"])
vissl = {"train_phase_idx": 199, "base_model": {"model": {"trunk": trunk, "heads": {}}, "meta": {"name": "x"}}}
save("vissl.pth", {"phase_idx": 199, "classy_state_dict": vissl}, trunk)

# MoCo v1: two encoders and the queue; this one has the names of a ResNet only at its ends.
moco = OrderedDict()
for encoder in ("encoder_q", "encoder_k"):
    for name, shape in [("conv1.weight", (2, 3, 1, 1)), ("layer1.0.conv1.weight", (2, 2, 1, 1)), ("fc.weight", (4, 2))]:
        moco[f"module.{encoder}.{name}"] = ramp(*shape)
moco["module.queue"] = ramp(4, 8)
moco["module.queue_ptr"] = torch.tensor([3])
save("moco.pth", {"epoch": 200, "arch": "resnet50", "state_dict": moco, "optimizer": {}}, moco)


# The format before PyTorch 1.6.
save("legacy-types.pth", types, types, _use_new_zipfile_serialization=False)
save("legacy-views.pth", views, views, _use_new_zipfile_serialization=False)
for protocol in (3, 4, 5):
    save(f"legacy-moco{protocol}.pth", {"epoch": 200, "state_dict": moco}, moco, pickle_protocol=protocol,
         _use_new_zipfile_serialization=False)


def named(cls, module):
    """Lets a class be found where the authors' code has it."""
    cls.__module__ = module
    for end in range(1, module.count(".") + 2):
        name = ".".join(module.split(".")[:end])
        sys.modules.setdefault(name, python_types.ModuleType(name))
    setattr(sys.modules[module], cls.__name__, cls)
    return cls


class AliasMethod:
    def __init__(self):
        self.prob, self.alias = ramp(4), torch.tensor([1, 0, 3, 2])


class NCEAverage(torch.nn.Module):
    """As the reference code of instance discrimination keeps its memory bank."""

    def __init__(self):
        super().__init__()
        self.nLem = 4
        self.multinomial = AliasMethod()
        self.register_buffer("params", ramp(5))
        self.register_buffer("memory", ramp(4, 2))


class Phase(enum.Enum):
    TRAIN = 1


class Options(dict):
    pass


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(2, 3, 1, bias=False)
        self.body = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.ReLU())
        self.scale = torch.nn.Parameter(ramp(2))


for cls, module in [(AliasMethod, "lib.alias_multinomial"), (NCEAverage, "lib.NCEAverage"), (Phase, "training.phase"),
                    (Options, "training.options"), (Net, "models.small")]:
    named(cls, module)

tagged, noted = torch.nn.Parameter(ramp(2)), ramp(3)
tagged.tag, noted.note = "decay", "a tensor with an attribute"
plain = OrderedDict([("module.a", ramp(2)), ("module.tagged", tagged), ("module.noted", noted)])
lemniscate = {
    "epoch": 200, "arch": "resnet18", "state_dict": plain, "best_prec1": numpy.float64(0.46), "lemniscate": NCEAverage(),
    "optimizer": {"state": {}, "param_groups": [{"lr": 0.03}]},
}
extras = {
    "state_dict": plain, "scheduler": {"milestones": Counter([120, 160]), "gamma": 0.1}, "device": torch.device("cuda"),
    "args": argparse.Namespace(device=torch.device("cuda", 1), dtype=torch.float16), "path": PurePosixPath("a/b"),
    "phase": Phase.TRAIN, "options": Options(lr=0.1), "history": defaultdict(list, loss=[1.0, 0.5]), "seen": {1, 2},
    "array": numpy.arange(3.0), "complex": 1 + 2j, "class": Net, "function": torch.relu,
}
net = Net()
for index, value in enumerate(net.state_dict().values()):
    value.copy_(ramp(*value.shape) + index)
for suffix, options in [("", {}), ("legacy-", {"_use_new_zipfile_serialization": False})]:
    save(suffix + "lemniscate.pth", lemniscate, plain, **options)
    save(suffix + "extras.pth", extras, plain, **options)
    save(suffix + "network.pth", net, net.state_dict(), **options)
# A network in the legacy format names the source files of its classes: where they lie here is nobody's business, and texts
# keep their lengths.
folder = f"{Path(torch.__file__).parents[1]}/".encode()
network = FOLDER / "legacy-network.pth"
network.write_bytes(network.read_bytes().replace(folder, b"lib/python/packages"[:len(folder)].ljust(len(folder), b"/")))



class Evil:
    """Runs a program in whoever unpickles it with Python."""

    def __reduce__(self):
        return os.system, ("touch executed",)


torch.save({"state_dict": small, "epoch": Evil()}, FOLDER / "evil.pth")
torch.save(ramp(2), FOLDER / "tensor.pth")
(FOLDER / "pth.json").write_text(json.dumps(expected, separators=(",", ":")) + "\n")
