#!/usr/bin/env python3
"""Steps of instance discrimination (NCE, m = 4,096): `detect-cli pretrain` beside plain PyTorch, alternating, in one run.

Usage: Benchmarks/training.py [--networks resnet50,alexnet,vgg16,resnet18] [--steps N] [--precisions fp32,bf16] [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and the torch under .libtorch or LIBTORCH.

The work is the step: forward, loss, backward, SGD with momentum, update of the memory bank. Decoding and augmentation are
left out as far as they can be: PyTorch gets random pixels, drawn beforehand; ours reads images of 32 x 32 from one binary
file and only crops and enlarges them. Both have as many images in the bank as there are steps times the batch.

The peers are the network as torchvision has it and the loss as the reference code computes it (gathered rows, bmm):
  reference    float32, PyTorch's own memory format
  fp32         the better of float32 in that format and channels-last
  bf16         autocast to bfloat16, channels-last
ResNet-18 has its CIFAR stem and 32 pixels, the others 224 pixels.
"""
import tempfile
import time
from pathlib import Path

from benchmark import Row, alternate, arguments, contrast_training, detect, metrics, peer, report, write_images
from networks import OPERATIONS, network

np = peer("numpy")
torch = peer("torch")
F = torch.nn.functional

NEGATIVES, DIMENSION, TEMPERATURE = 4096, 128, 0.07
# (side, batch, stem, steps)
SETTINGS = {"resnet50": (224, 32, "imagenet", 6), "alexnet": (224, 128, "imagenet", 5), "vgg16": (224, 16, "imagenet", 3),
            "resnet18": (32, 128, "cifar", 6)}


class Peer:
    """Training of one network in one precision and memory format; `rate` goes on where it stopped."""

    def __init__(self, name, is_bf16, channels_last, steps):
        side, self.batch, stem, _ = SETTINGS[name]
        self.steps, self.is_bf16 = steps, is_bf16
        layout = torch.channels_last if channels_last else torch.contiguous_format
        trunk, width = network(name, stem)
        self.model = torch.nn.Sequential(trunk, torch.nn.Linear(width, DIMENSION)).to(memory_format=layout).train()
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.03, momentum=0.9, weight_decay=1e-4)
        self.clips = name in ("alexnet", "vgg16")
        self.count = steps * self.batch
        self.bank = F.normalize(torch.randn(self.count, DIMENSION))
        self.pixels = torch.randn(self.batch, 3, side, side).to(memory_format=layout)
        self.z = None

    def step(self):
        n, m = self.count, NEGATIVES
        index = torch.randint(n, (self.batch,))
        noise = torch.cat([index[:, None], torch.randint(n, (self.batch, m))], 1)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_bf16):
            embedding = self.model(self.pixels)
        features = F.normalize(embedding.float())
        out = torch.exp(torch.bmm(self.bank[noise], features[:, :, None]).squeeze(2) / TEMPERATURE)  # [B, m + 1]
        if self.z is None:
            self.z = (out.mean() * n).item()
        out = out / self.z
        positive = out[:, 0] / (out[:, 0] + m / n)
        negative = (m / n) / (out[:, 1:] + m / n)
        loss = -(positive.log().sum() + negative.log().sum()) / self.batch
        self.optimizer.zero_grad()
        loss.backward()
        if self.clips:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1)
        self.optimizer.step()
        self.bank[index] = F.normalize(0.5 * self.bank[index] + 0.5 * features.detach())
        return loss.item()

    def rate(self):
        self.step()
        start = time.perf_counter()
        for _ in range(self.steps):
            self.step()
        return self.steps * self.batch / (time.perf_counter() - start)


def ours(folder, name, precision, steps, run):
    side, batch, stem, _ = SETTINGS[name]
    # The first epoch warms up; the second one's own rate is read from its line of the log.
    detect(*contrast_training(folder, name, stem, side, batch, NEGATIVES, precision, torch.get_num_threads(), run))
    return metrics(run)[-1]["images_per_second"]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--networks", default="resnet50,alexnet,vgg16,resnet18")
    parser.add_argument("--steps", type=int, help="steps of a run (default: 3 to 6)")
    parser.add_argument("--precisions", default="fp32,bf16", help="fp32, bf16 or both; bf16 includes the reference's row")
    options = parser.parse_args()
    rows = []
    for name in options.networks.split(","):
        side, batch, stem, steps = SETTINGS[name]
        steps = options.steps or steps
        with tempfile.TemporaryDirectory() as scratch:
            folder = write_images(Path(scratch) / "images", steps * batch)
            runs = iter(range(2 * options.repeats))
            precisions = options.precisions.split(",")
            # (bf16, channels-last)
            formats = [(False, False), (False, True)] + [(True, True)] * ("bf16" in precisions)
            peers = [Peer(name, *format, steps) for format in formats]
            results = alternate(
                options.repeats, *[lambda p=p: ours(folder, name, p, steps, Path(scratch) / f"run{next(runs)}")
                                   for p in precisions], *[peer.rate for peer in peers])
            rates = dict(zip(precisions + ["plain", "last", "half"], results))
        work = f"instance discrimination, {name} {side} px, batch {batch}"
        better = max((rates["plain"], rates["last"]), key=np.median)
        layout = "channels-last" if better is rates["last"] else "NCHW"
        # Forward, and twice that much backward.
        operations = 3 * OPERATIONS[name if stem == "imagenet" else f"{name} cifar"]
        if "bf16" in precisions:
            rows += [Row(f"{work}, bf16", "images/s", "PyTorch reference: fp32, NCHW", rates["bf16"], rates["plain"]),
                     Row(f"{work}, bf16", "images/s", "PyTorch bf16, channels-last", rates["bf16"], rates["half"])]
        if "fp32" in precisions:
            rows += [Row(f"{work}, fp32", "images/s", f"PyTorch fp32, {layout}", rates["fp32"], better, operations)]
    report(options, rows, threads=torch.get_num_threads(), torch=torch.__version__)


if __name__ == "__main__":
    main()
