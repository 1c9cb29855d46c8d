#!/usr/bin/env python3
"""A step and a test image of Fast or Faster R-CNN beside plain PyTorch, alternating, in one run; prints medians.

Usage: Benchmarks/detection.py [DEVKIT] [--head fast|faster] [--arch alexnet|vgg16|resnet50] [--scale 600] [--steps N]
       [--images N] [--precision fp32|bf16] [--repeats N] [--json FILE]
Needs a build (`make build`) and the torch under .libtorch or LIBTORCH. Without a devkit: that of DETECT_DATA, else drawn
images.

Ours is `detect-cli finetune` from random weights with the first stages and batch norm frozen, as it trains and tests:
images decoded, resized and sampled; anchors matched, regions proposed; detections through non-maximum suppression.
PyTorch gets random pixels of the sizes these images have and random regions, as many as ours, and stops at the scores; of
Faster R-CNN it computes the convolutions and losses of the region proposal network, too, but proposes nothing. Regions are
pooled there by adaptive max pooling of each region's cells, the usual way without torchvision's compiled operator.
Channels-last memory on both sides; SGD with momentum. Two images a step. The first two steps of each side are not counted.
"""
import statistics
import struct
import tempfile
import time
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, devkit, image_ids, metrics, peer, report, results
from networks import alexnet_stages, fully_connected, resnet, vgg16_stages

torch = peer("torch")
nn = torch.nn
F = nn.functional

CLASSES = 20
ANCHORS = 9
# Steps that are not counted.
WARM_UP = 2


class Detector(nn.Module):
    """Trunk in stages, and a head on pooled regions."""

    def __init__(self, arch, head):
        super().__init__()
        if arch == "resnet50":
            layers = list(resnet([3, 4, 6, 3], True)[0])
            stages = [layers[:4], layers[4:7], layers[7:11], layers[11:17]]
            self.stages = nn.ModuleList(nn.Sequential(*stage) for stage in stages)
            self.size, channels, self.frozen, features = 14 if head == "faster" else 7, 1024, 2, 2048
            self.head = nn.Sequential(*layers[17:])
        else:
            stages, self.size, channels, self.frozen = {
                "alexnet": (alexnet_stages, 6, 256, 1), "vgg16": (vgg16_stages, 7, 512, 2)}[arch]
            self.stages = nn.ModuleList(stages())
            self.head, features = nn.Sequential(nn.Flatten(), *fully_connected(channels * self.size**2)), 4096
        self.scores, self.deltas = nn.Linear(features, CLASSES + 1), nn.Linear(features, 4 * (CLASSES + 1))
        self.proposer = None
        if head == "faster":
            self.proposer = nn.Sequential(nn.Conv2d(channels, 512, 3, 1, 1), nn.ReLU(True))
            self.objectness, self.shifts = nn.Conv2d(512, ANCHORS, 1), nn.Conv2d(512, 4 * ANCHORS, 1)
        self.stages[: self.frozen].requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)

    def train(self, mode=True):
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, images, regions):
        pooled, proposing = [], []
        for x, boxes in zip(images, regions):
            for stage in self.stages:
                x = stage(x)
            if self.proposer is not None:
                hidden = self.proposer(x)
                proposing.append((self.objectness(hidden).permute(0, 2, 3, 1).reshape(-1),
                                  self.shifts(hidden).permute(0, 2, 3, 1).reshape(-1, 4)))
            height, width = x.shape[2:]
            for x0, y0, x1, y1 in (boxes / 16).round().long().tolist():
                x1, y1 = min(x1, width - 1), min(y1, height - 1)
                part = x[:, :, min(y0, y1) : y1 + 1, min(x0, x1) : x1 + 1]
                pooled.append(F.adaptive_max_pool2d(part, self.size))
        x = self.head(torch.cat(pooled))
        return self.scores(x), self.deltas(x), proposing


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
    samples = list(draw(sizes, options.scale, 128 if options.head == "faster" else 64))
    for step in range(options.steps + WARM_UP):
        if step == WARM_UP:
            start = time.perf_counter()
        (x, a), (y, b) = samples[2 * step % len(samples)], samples[(2 * step + 1) % len(samples)]
        with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
            scores, deltas, proposing = model([x, y], [a, b])
        labels = torch.randint(CLASSES + 1, (len(scores),))
        own = deltas.float().reshape(len(scores), -1, 4)[torch.arange(len(scores)), labels]
        loss = F.cross_entropy(scores.float(), labels) + F.smooth_l1_loss(own, torch.zeros_like(own))
        for logits, shifts in proposing:
            drawn = torch.randint(len(logits), (256,))
            loss = loss + F.binary_cross_entropy_with_logits(logits[drawn].float(), torch.randint(2, (256,)).float()) / 2
            loss = loss + F.smooth_l1_loss(shifts[drawn[:128]].float(), torch.zeros(128, 4), beta=1 / 9) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        loss.item()
    return 2 * options.steps / (time.perf_counter() - start)


@torch.inference_mode()
def torch_test(model, sizes, options, regions):
    model.eval()
    samples = list(draw(sizes[: options.images], options.scale, regions))
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16, enabled=options.precision == "bf16"):
        for x, boxes in samples:
            scores, _, _ = model([x], [boxes])
            scores.float().softmax(1).numpy()
    return (time.perf_counter() - start) / len(samples)


def main():
    parser = arguments(__doc__)
    parser.add_argument("devkit", type=Path, nargs="?")
    parser.add_argument("--head", default="fast", choices=["fast", "faster"])
    parser.add_argument("--arch", default="alexnet", choices=["alexnet", "vgg16", "resnet50"])
    parser.add_argument("--scale", type=int, default=600)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    options = parser.parse_args()
    model = Detector(options.arch, options.head).to(memory_format=torch.channels_last)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kit, what = devkit(options.devkit, folder, 100)
        ids = image_ids(kit, "trainval")[:40]
        sizes = [jpeg_size(kit / f"VOC2007/JPEGImages/{name}.jpg") for name in ids]
        # Faster R-CNN looks at 300 regions of its own.
        given, regions = [], 300
        if options.head == "fast":
            file = folder / "trainval.proposals"
            detect("proposals", "--devkit", kit, "--set", "trainval", "--limit", len(ids), "--out", file, "--json",
                   folder / "proposals.json")
            given, regions = ["--proposals", file, "--test-proposals", file], round(results(folder / "proposals.json")["boxes_per_image"])
        runs = iter(range(options.repeats))

        def ours():
            run = folder / f"run{next(runs)}"
            detect("finetune", "--devkit", kit, "--head", options.head, "--arch", options.arch, "--limit", len(ids),
                   "--test-set", "trainval", "--test-limit", options.images, *given, "--scale", options.scale,
                   "--iterations", options.steps + WARM_UP, "--log-every", WARM_UP, "--freeze-stages", model.frozen,
                   "--batch-norm", "frozen", "--pictures", 0, "--lr", 1e-5, "--score", 0.045, "--precision",
                   options.precision, "--threads", torch.get_num_threads(), "--run", run, "--json", folder / "result.json")
            values = results(folder / "result.json")
            counted = [line for line in metrics(run) if line["step"] > WARM_UP]
            # All lines stand for as many images.
            rate = statistics.harmonic_mean(line["images_per_second"] for line in counted)
            return rate, values["test_seconds_per_image"]

        a, b = alternate(options.repeats, ours,
                         lambda: (torch_training(model, sizes, options), torch_test(model, sizes, options, regions)))
    rows = [Row(f"{options.head.title()} R-CNN {options.arch}, {options.scale} px, {options.precision}, {title}", unit,
                f"PyTorch {torch.__version__}, channels-last", [r[index] for r in a], [r[index] for r in b])
            for index, (title, unit) in enumerate((("training", "images/s"), ("test, an image", "s")))]
    report(options, rows, threads=torch.get_num_threads(), torch=torch.__version__)
    print(what)


if __name__ == "__main__":
    main()
