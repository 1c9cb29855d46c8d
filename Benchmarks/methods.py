#!/usr/bin/env python3
"""Steps of MoCo v2 and SimCLR: `detect-cli pretrain` beside plain PyTorch, alternating, in one run.

Usage: Benchmarks/methods.py [--methods moco-v2,simclr] [--networks resnet18,resnet50] [--steps N] [--precisions fp32,bf16]
                             [--repeats N] [--json FILE]
Needs a build (`make build`), numpy and the torch under .libtorch or LIBTORCH.

The work is the step: two views forward, loss, backward, SGD with momentum, and for MoCo the keys' encoder, the shuffling and
the queue. Decoding and augmentation are left out as far as they can be, as in training.py. Batch norm is over the whole
batch on both sides. The peers are the better of float32 in NCHW and channels-last, and autocast to bfloat16 in channels-last.
ResNet-18 has its CIFAR stem and 32 pixels, ResNet-50 64 pixels.
"""
import copy
import tempfile
import time
from pathlib import Path

from benchmark import Row, alternate, arguments, detect, metrics, peer, report, write_images
from networks import network

np = peer("numpy")
torch = peer("torch")
F = torch.nn.functional

QUEUE, DIMENSION = 4096, 128
# (side, batch, stem, steps)
SETTINGS = {"resnet18": (32, 128, "cifar", 5), "resnet50": (64, 64, "imagenet", 4)}


def head(method, width):
    nn = torch.nn
    if method == "moco-v2":
        return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, DIMENSION))
    return nn.Sequential(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(),
                         nn.Linear(width, DIMENSION, bias=False), nn.BatchNorm1d(DIMENSION))


class Peer:
    """Training of one network by one method in one precision and memory format."""

    def __init__(self, method, name, is_bf16, channels_last, steps):
        side, self.batch, stem, _ = SETTINGS[name]
        self.method, self.steps, self.is_bf16 = method, steps, is_bf16
        layout = torch.channels_last if channels_last else torch.contiguous_format
        trunk, width = network(name, stem)
        self.model = torch.nn.Sequential(trunk, head(method, width)).to(memory_format=layout).train()
        self.keys = copy.deepcopy(self.model)
        self.optimizer = torch.optim.SGD(self.model.parameters(), 0.03, momentum=0.9, weight_decay=1e-4)
        self.views = [torch.randn(self.batch, 3, side, side).to(memory_format=layout) for _ in range(2)]
        self.queue, self.place = F.normalize(torch.randn(QUEUE, DIMENSION)), 0

    def embed(self, model, x):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.is_bf16):
            embedding = model(x)
        return F.normalize(embedding.float())

    def moco(self):
        with torch.no_grad():
            torch._foreach_lerp_(list(self.keys.parameters()), list(self.model.parameters()), 0.001)
            order = torch.randperm(self.batch)
            k = self.embed(self.keys, self.views[1][order])[order.argsort()]
        q = self.embed(self.model, self.views[0])
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.T.clone()], 1) / 0.2
        loss = F.cross_entropy(logits, torch.zeros(self.batch, dtype=torch.long))
        self.queue[self.place:self.place + self.batch] = k
        self.place = (self.place + self.batch) % QUEUE
        return loss

    def simclr(self):
        z = self.embed(self.model, torch.cat(self.views))
        logits = (z @ z.T / 0.5).fill_diagonal_(float("-inf"))
        return F.cross_entropy(logits, torch.arange(2 * self.batch).roll(self.batch))

    def step(self):
        loss = self.moco() if self.method == "moco-v2" else self.simclr()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return loss.item()

    def rate(self):
        self.step()
        start = time.perf_counter()
        for _ in range(self.steps):
            self.step()
        return self.steps * self.batch / (time.perf_counter() - start)


def ours(folder, method, name, precision, run):
    side, batch, stem, _ = SETTINGS[name]
    own = ["--queue", QUEUE, "--norm-groups", 1] if method == "moco-v2" else ["--lars", "none"]
    detect("pretrain", "--data", folder, "--arch", name, "--method", method, "--stem", stem, "--image-size", side, "--batch",
           batch, "--lr", 0.03, "--weight-decay", 1e-4, *own, "--blur", 0, "--jitter", 0, "--grayscale", 0, "--flip", 0,
           "--epochs", 2, "--warmup", 0, "--knn-every", 0, "--checkpoint-every", 10**6, "--precision", precision, "--threads",
           torch.get_num_threads(), "--run", run)
    # The first epoch warms up.
    return metrics(run)[-1]["images_per_second"]


def main():
    parser = arguments(__doc__)
    parser.add_argument("--methods", default="moco-v2,simclr")
    parser.add_argument("--networks", default="resnet18,resnet50")
    parser.add_argument("--steps", type=int, help="steps of a run (default: 4 or 5)")
    parser.add_argument("--precisions", default="fp32,bf16")
    options = parser.parse_args()
    precisions = options.precisions.split(",")
    rows = []
    for name in options.networks.split(","):
        side, batch, stem, steps = SETTINGS[name]
        steps = options.steps or steps
        for method in options.methods.split(","):
            with tempfile.TemporaryDirectory() as scratch:
                folder = write_images(Path(scratch) / "images", steps * batch)
                runs = iter(range(2 * options.repeats))
                formats = [(False, False), (False, True)] * ("fp32" in precisions) + [(True, True)] * ("bf16" in precisions)
                peers = [Peer(method, name, *format, steps) for format in formats]
                results = alternate(
                    options.repeats,
                    *[lambda p=p: ours(folder, method, name, p, Path(scratch) / f"run{next(runs)}") for p in precisions],
                    *[peer.rate for peer in peers])
            rates = dict(zip(precisions + formats, results))
            work = f"{method}, {name} {side} px, batch {batch}"
            if "fp32" in precisions:
                better = max(formats[:2], key=lambda format: np.median(rates[format]))
                layout = "channels-last" if better[1] else "NCHW"
                rows.append(Row(f"{work}, fp32", "images/s", f"PyTorch fp32, {layout}", rates["fp32"], rates[better]))
            if "bf16" in precisions:
                rows.append(
                    Row(f"{work}, bf16", "images/s", "PyTorch bf16, channels-last", rates["bf16"], rates[(True, True)]))
    report(options, rows, threads=torch.get_num_threads(), torch=torch.__version__)


if __name__ == "__main__":
    main()
