#!/usr/bin/env python3
"""ResNet-50 features at 224 pixels, batches of 32: `detect-cli features` beside PyTorch eager in channels-last memory.

Both run alternately, several times, in one process tree; medians are printed. Ours is the whole command's own rate, with
reading and decoding of JPEG files and writing of the features; PyTorch gets random pixels and keeps nothing, and in
bfloat16 its weights are converted beforehand. Rates are images a second of wall time; where other programs keep the
machine busy, the images a second of processor time (both cores together, ours with start-up) say more.

Usage: Benchmarks/features.py [--repeats N] [--images N] [--json FILE]. Needs a build (`make build`) and the torch under
.libtorch or LIBTORCH.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBTORCH = Path(os.environ["LIBTORCH"]).parent if "LIBTORCH" in os.environ else ROOT / ".libtorch"
sys.path.insert(0, str(LIBTORCH))
import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402

CLI = ROOT / ".build/release/detect-cli"


class Bottleneck(nn.Module):
    def __init__(self, inputs, planes, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, 4 * planes, 1, bias=False), nn.BatchNorm2d(4 * planes)
        self.down = None
        if stride != 1 or inputs != 4 * planes:
            self.down = nn.Sequential(
                nn.Conv2d(inputs, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)), inplace=True)
        out = F.relu(self.bn2(self.conv2(out)), inplace=True)
        out = self.bn3(self.conv3(out))
        out += x if self.down is None else self.down(x)
        return F.relu(out, inplace=True)


def resnet50():
    stages, inputs = [], 64
    for planes, count, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for index in range(count):
            stages.append(Bottleneck(inputs, planes, stride if index == 0 else 1))
            inputs = 4 * planes
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1), *stages,
        nn.AdaptiveAvgPool2d(1), nn.Flatten())


@torch.inference_mode()
def eager(model, dtype, images, batch):
    """(images a second of wall time, of processor time)."""
    pixels = torch.randn(batch, 3, 224, 224).to(dtype).contiguous(memory_format=torch.channels_last)
    model(pixels)
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(images // batch):
        model(pixels)
    return images / (time.perf_counter() - wall), images / (time.process_time() - cpu)


def ours(folder, precision, images, batch):
    result = folder / "features.json"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [str(CLI), "features", "--weights", "random", "--arch", "resnet50", "--data", str(folder / "objects/train"),
         "--limit", str(images), "--feature-batch", str(batch), "--precision", precision, "--threads",
         str(torch.get_num_threads()), "--out", str(folder / "features.safetensors"), "--json", str(result)],
        check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(result.read_text())["images_per_second"], images / cpu


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.images -= options.images % options.batch
    report = {"threads": torch.get_num_threads(), "torch": torch.__version__, "images": options.images}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            [str(CLI), "synthesize", "--classification", "--out", str(folder / "objects"), "--images",
             str(-(-options.images // 10)), "--width", "256", "--height", "256"], check=True, capture_output=True)
        models = {"fp32": (resnet50().eval().to(memory_format=torch.channels_last), torch.float32)}
        models["bf16"] = (resnet50().eval().to(torch.bfloat16).to(memory_format=torch.channels_last), torch.bfloat16)
        for precision in models:
            report[precision] = {"ours": [], "pytorch": []}
        for _ in range(options.repeats):
            for precision, (model, dtype) in models.items():
                report[precision]["ours"].append(ours(folder, precision, options.images, options.batch))
                report[precision]["pytorch"].append(eager(model, dtype, options.images, options.batch))
    print(f"{'ResNet-50, 224 px, images a second':36s} {'ours':>8s} {'PyTorch':>8s} {'ratio':>6s}")
    for precision in models:
        for index, clock in enumerate(("wall", "processor")):
            a, b = (statistics.median(r[index] for r in report[precision][who]) for who in ("ours", "pytorch"))
            print(f"{precision + ', ' + clock + ' time':36s} {a:8.2f} {b:8.2f} {a / b:6.2f}")
    print(f"medians of {options.repeats} alternating runs of {options.images} images, {report['threads']} threads")
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


main()
