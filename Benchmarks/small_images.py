#!/usr/bin/env python3
"""Training on small images, the regime of CIFAR, Tiny-ImageNet and first trials: `detect-cli pretrain` beside plain PyTorch.

Usage: Benchmarks/small_images.py [--settings NAME,NAME] [--precisions fp32,bf16] [--seconds S] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and the torch under .libtorch or LIBTORCH.

The work is a step of training with labels: forward, cross-entropy of 1,000 classes, backward, SGD with momentum and weight
decay. It has no memory bank and no negatives, so that only the network is compared. PyTorch gets one batch of random pixels
again and again; ours reads other images for every step from one binary file, crops and enlarges them beside the step. The peer is the
faster of PyTorch's two memory formats in the same precision (bf16: autocast).

The limit of a step is the larger of two times: that of its products, taps beyond the edge of a map not counted, at the
measured speed of sgemm; and that of reading weights twice, writing their gradients, and the update of weights, gradients and
momentum (32 bytes a weight) at the measured speed of copying. It is one of float32: bfloat16 can go beyond it.
"""
import os
import tempfile
import time
from pathlib import Path

from benchmark import Row, alternate, arguments, copy_speed, detect, metrics, peer, report, sgemm_peak, write_images
from networks import network

np = peer("numpy")
torch = peer("torch")

CLASSES = 1000
# (architecture, stem, side, batch)
SETTINGS = {
    "resnet18-32-b32": ("resnet18", "imagenet", 32, 32), "resnet18-32-b128": ("resnet18", "imagenet", 32, 128),
    "resnet18-64-b128": ("resnet18", "imagenet", 64, 128), "resnet18-cifar-b128": ("resnet18", "cifar", 32, 128),
    "resnet50-64-b64": ("resnet50", "imagenet", 64, 64)}


class Peer:
    """Training of one network in one precision and memory format; `rate` goes on where it stopped."""

    def __init__(self, name, is_bf16, channels_last, seconds):
        arch, stem, side, self.batch = SETTINGS[name]
        self.is_bf16, self.seconds = is_bf16, seconds
        layout = torch.channels_last if channels_last else torch.contiguous_format
        trunk, width = network(arch, stem)
        self.model = torch.nn.Sequential(trunk, torch.nn.Linear(width, CLASSES)).to(memory_format=layout).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4, fused=not channels_last)
        self.pixels = torch.randn(self.batch, 3, side, side).to(memory_format=layout)
        self.labels = torch.randint(CLASSES, (self.batch,))

    def step(self):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_bf16):
            logits = self.model(self.pixels)
        loss = torch.nn.functional.cross_entropy(logits.float(), self.labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def rate(self):
        for _ in range(2):
            self.step()
        start, steps = time.perf_counter(), 0
        while time.perf_counter() < start + self.seconds:
            self.step()
            steps += 1
        return steps * self.batch / (time.perf_counter() - start)


def needs(name):
    """(multiplications and additions of a step, bytes of weights a step moves)."""
    arch, stem, side, batch = SETTINGS[name]
    trunk, width = network(arch, stem)
    model = torch.nn.Sequential(trunk, torch.nn.Linear(width, CLASSES))
    products = 0

    def convolution(module, inputs, output):
        nonlocal products
        (height, width), (kernel, _), stride, margin = inputs[0].shape[2:], module.kernel_size, module.stride[0], module.padding[0]

        def taps(size, results):
            return sum(0 <= stride * i + k - margin < size for i in range(results) for k in range(kernel))

        products += (taps(height, output.shape[2]) * taps(width, output.shape[3]) * module.in_channels * module.out_channels)

    for module in model.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(convolution)
    with torch.no_grad():
        model.eval()(torch.zeros(1, 3, side, side))
    # Forward, and twice that much backward.
    return 3 * 2 * batch * (products + width * CLASSES), 32 * sum(p.numel() for p in model.parameters())


def ours(folder, name, precision, run):
    arch, stem, side, batch = SETTINGS[name]
    # The first epoch warms up; the second one's own rate is read from its line of the log.
    detect("pretrain", "--data", folder, "--arch", arch, "--stem", stem, "--objective", "supervised", "--image-size", side,
           "--batch", batch, "--epochs", 2, "--jitter", 0, "--grayscale", 0, "--flip", 0, "--lr", 0.01, "--weight-decay", 5e-4,
           "--knn-every", 0, "--checkpoint-every", 10**6, "--precision", precision, "--threads", torch.get_num_threads(),
           "--run", run)
    return metrics(run)[-1]["images_per_second"]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--settings", default=",".join(SETTINGS))
    parser.add_argument("--precisions", default="fp32,bf16")
    parser.add_argument("--seconds", type=float, default=4, help="of each run")
    options = parser.parse_args()
    options.peak = options.peak or sgemm_peak()
    copy = copy_speed()
    rows = []
    for name in options.settings.split(","):
        arch, stem, side, batch = SETTINGS[name]
        operations, moved = needs(name)
        for precision in options.precisions.split(","):
            peers = [Peer(name, precision == "bf16", channels_last, options.seconds) for channels_last in (False, True)]
            # Steps of about as many seconds.
            steps = max(4, int(max(p.rate() for p in peers) * options.seconds * 2 / batch))
            with tempfile.TemporaryDirectory() as scratch:
                folder = write_images(Path(scratch) / "images", steps * batch)
                runs = iter(range(options.repeats))
                mine, plain, last = alternate(
                    options.repeats, lambda: ours(folder, name, precision, Path(scratch) / f"run{next(runs)}"),
                    *[p.rate for p in peers])
            better = max((plain, last), key=np.median)
            layout = "channels-last" if better is last else "NCHW"
            work = f"training, {arch}{' CIFAR stem' if stem == 'cifar' else ''} {side} px, batch {batch}, {precision}"
            rows.append(Row(work, "images/s", f"PyTorch {precision}, {layout}", mine, better, operations / batch,
                            limit=batch / max(operations / options.peak / 1e9, moved / copy / 1e9)))
    report(options, rows, threads=torch.get_num_threads(), torch=torch.__version__, copy_gb_per_second=copy)


if __name__ == "__main__":
    main()
