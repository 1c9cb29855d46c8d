#!/usr/bin/env python3
"""A step and a test image of Fast R-CNN beside plain PyTorch, alternating, in one run; prints medians.

Usage: Benchmarks/detection.py DEVKIT [--arch alexnet|vgg16] [--scale 600] [--steps N] [--images N] [--precision fp32|bf16]
       [--repeats N] [--json FILE]
Needs a build (`make build`) and the torch under .libtorch or LIBTORCH.

Ours is `detect-cli finetune` from random weights with the first stages frozen, as it trains and tests: images decoded,
resized and sampled; detections through non-maximum suppression. PyTorch gets random pixels of the sizes these images have
and random regions, and stops at the scores. Regions are pooled there by adaptive max pooling of each region's cells, the
usual way without torchvision's compiled operator. Channels-last memory on both sides; SGD with momentum.
"""
import argparse
import json
import os
import statistics
import struct
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
CLASSES = 20


class AlexNet(nn.Module):
    size, channels, frozen = 6, 256, 1

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([
            nn.Sequential(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(True)),
            nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(True)),
            nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(True)),
            nn.Sequential(nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(True)),
            nn.Sequential(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(True))])


class VGG16(nn.Module):
    size, channels, frozen = 7, 512, 2

    def __init__(self):
        super().__init__()
        stages, inputs = [], 3
        for number, (outputs, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
            layers = [nn.MaxPool2d(2)] if number else []
            for _ in range(count):
                layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.ReLU(True)]
                inputs = outputs
            stages.append(nn.Sequential(*layers))
        self.stages = nn.ModuleList(stages)


class FastRCNN(nn.Module):
    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Dropout(), nn.Linear(backbone.channels * backbone.size**2, 4096), nn.ReLU(True), nn.Dropout(),
            nn.Linear(4096, 4096), nn.ReLU(True))
        self.scores, self.deltas = nn.Linear(4096, CLASSES + 1), nn.Linear(4096, 4 * (CLASSES + 1))
        for stage in backbone.stages[: backbone.frozen]:
            stage.requires_grad_(False)

    def forward(self, images, regions):
        pooled = []
        for x, boxes in zip(images, regions):
            for stage in self.backbone.stages:
                x = stage(x)
            height, width = x.shape[2:]
            for x0, y0, x1, y1 in (boxes / 16).round().long().tolist():
                x1, y1 = min(x1, width - 1), min(y1, height - 1)
                part = x[:, :, min(y0, y1) : y1 + 1, min(x0, x1) : x1 + 1]
                pooled.append(F.adaptive_max_pool2d(part, self.backbone.size))
        x = self.head(torch.cat(pooled).flatten(1))
        return self.scores(x), self.deltas(x)


def jpeg_size(path):
    data, position = path.read_bytes(), 2
    while data[position + 1] not in (0xC0, 0xC1, 0xC2):
        position += 2 + struct.unpack(">H", data[position + 2 : position + 4])[0]
    return struct.unpack(">HH", data[position + 5 : position + 9])


def draw(sizes, scale, count):
    for height, width in sizes:
        factor = min(scale / min(height, width), 1000 / max(height, width))
        height, width = round(height * factor), round(width * factor)
        corners = torch.rand(count, 2, 2) * torch.tensor([width - 1, height - 1])
        boxes = torch.cat([corners.min(1).values, corners.max(1).values], 1)
        yield torch.randn(1, 3, height, width).to(memory_format=torch.channels_last), boxes


def torch_training(model, sizes, options):
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(parameters, 0.001, momentum=0.9, weight_decay=0.0005)
    samples = list(draw(sizes, options.scale, 64))
    for step in range(options.steps + 2):
        if step == 2:
            start = time.perf_counter()
        (x, a), (y, b) = samples[2 * step % len(samples)], samples[(2 * step + 1) % len(samples)]
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            scores, deltas = model([x, y], [a, b])
        labels = torch.randint(CLASSES + 1, (len(scores),))
        own = deltas.float().reshape(len(scores), -1, 4)[torch.arange(len(scores)), labels]
        loss = F.cross_entropy(scores.float(), labels) + F.smooth_l1_loss(own, torch.zeros_like(own))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return 2 * options.steps / (time.perf_counter() - start)


@torch.inference_mode()
def torch_test(model, sizes, options):
    model.eval()
    samples = list(draw(sizes[: options.images], options.scale, 2000))
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
        for x, boxes in samples:
            scores, _ = model([x], [boxes])
            scores.float().softmax(1).numpy()
    return (time.perf_counter() - start) / len(samples)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("devkit", type=Path)
    parser.add_argument("--arch", default="alexnet", choices=["alexnet", "vgg16"])
    parser.add_argument("--scale", type=int, default=600)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    devkit = options.devkit / "VOC2007"
    ids = (devkit / "ImageSets/Main/trainval.txt").read_text().split()[:40]
    sizes = [jpeg_size(devkit / f"JPEGImages/{name}.jpg") for name in ids]
    model = FastRCNN({"alexnet": AlexNet, "vgg16": VGG16}[options.arch]()).to(memory_format=torch.channels_last)
    frozen = model.backbone.frozen
    times = {"training, images/s": ([], []), "test, s an image": ([], [])}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        proposals = folder / "trainval.proposals"
        subprocess.run(
            [str(CLI), "proposals", "--devkit", options.devkit, "--set", "trainval", "--limit", "40", "--out", proposals],
            check=True, capture_output=True)
        for repeat in range(options.repeats):
            result = folder / f"{repeat}.json"
            output = subprocess.run(
                [str(CLI), "finetune", "--devkit", options.devkit, "--arch", options.arch, "--limit", "40", "--test-set",
                 "trainval", "--test-limit", str(options.images), "--proposals", proposals, "--test-proposals", proposals,
                 "--scale", str(options.scale), "--iterations", str(options.steps), "--freeze-stages", str(frozen), "--pictures",
                 "0", "--lr", "1e-5", "--score", "0.045", "--precision", options.precision, "--threads", str(torch.get_num_threads()),
                 "--run", folder / str(repeat), "--json", result, "--profile"], capture_output=True, text=True)
            if output.returncode:
                sys.exit(output.stderr)
            values = json.loads(result.read_text())
            times["training, images/s"][0].append(values["images_per_second"])
            times["training, images/s"][1].append(torch_training(model, sizes, options))
            times["test, s an image"][0].append(values["test_seconds_per_image"])
            times["test, s an image"][1].append(torch_test(model, sizes, options))
        print(output.stdout)
    rows = []
    print(f"{options.arch} at {options.scale} pixels, {options.precision}: {'ours':>8s} {'PyTorch':>8s} {'ratio':>6s}")
    for title, (ours, peer) in times.items():
        a, b = statistics.median(ours), statistics.median(peer)
        ratio = a / b if "images/s" in title else b / a
        print(f"  {title:28s} {a:8.3f} {b:8.3f} {ratio:6.2f}")
        rows.append({"work": title, "ours": ours, "peer": peer, "ratio": ratio})
    print(f"medians of {options.repeats} alternating runs, {torch.get_num_threads()} threads, torch {torch.__version__}")
    if options.json:
        options.json.write_text(json.dumps({"arch": options.arch, "scale": options.scale, "rows": rows}, indent=2) + "\n")


main()
