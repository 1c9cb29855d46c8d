#!/usr/bin/env python3
"""MoCo v2 and SimSiam in plain PyTorch, to compare detect-cli with: the same recipes, nothing shared.

Usage: Benchmarks/fidelity/views.py moco-v2|simsiam DATA --json FILE     DATA: what prepare.py made

ResNet-18 with the ImageNet stem at 32 pixels, batch 256, SGD with a cosine schedule by epochs, weight decay 5e-4; two
views of crop, mirroring, jitter (.4 .4 .4 .1 of p .8), grey (.2).
  moco-v2: rate .03, queue 4096, momentum .99, temperature .1, batch norm in 8 groups, head 512-512-128, crops from .08
  simsiam: rate .03, head 512-2048-2048, predictor 2048-512-2048 at a fixed rate, crops from .2
kNN: K = 200, temperature .1, on the features before the head.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

import instdisc
from instdisc import ImageEnhance, knn, network, read, tensor

BATCH, RATE, GROUPS = 256, 0.03, 8


def jitter(image):
    steps = [
        lambda i: ImageEnhance.Brightness(i).enhance(random.uniform(0.6, 1.4)),
        lambda i: ImageEnhance.Contrast(i).enhance(random.uniform(0.6, 1.4)),
        lambda i: ImageEnhance.Color(i).enhance(random.uniform(0.6, 1.4)),
        lambda i: instdisc.hue(i, 0.1),
    ]
    random.shuffle(steps)
    for step in steps:
        image = step(image)
    return image


def view(image, scale):
    image = instdisc.crop(image, scale)
    if random.random() < 0.8:
        image = jitter(image)
    if random.random() < 0.2:
        image = Image.merge("RGB", [image.convert("L")] * 3)
    return image.transpose(Image.FLIP_LEFT_RIGHT) if random.random() < 0.5 else image


def backbone():
    model = network()
    return model[:-1].to(memory_format=torch.channels_last)


def head(widths, last_norm=False, inner_norm=False):
    layers = []
    for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
        is_last = index == len(widths) - 2
        normed = last_norm if is_last else inner_norm
        layers.append(nn.Linear(inputs, outputs, bias=not normed))
        if normed:
            layers.append(nn.BatchNorm1d(outputs, affine=not is_last))
        if not is_last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class SplitNorm(nn.BatchNorm2d):
    """Statistics of GROUPS parts of the batch, each normalised by its own; the running ones follow their mean."""

    def forward(self, x):
        if not self.training or len(x) % GROUPS:
            return super().forward(x)
        n, c, h, w = x.shape
        y = x.reshape(GROUPS, n // GROUPS, c, h, w).transpose(0, 1).reshape(n // GROUPS, GROUPS * c, h, w)
        mean, var = self.running_mean.repeat(GROUPS), self.running_var.repeat(GROUPS)
        y = F.batch_norm(y, mean, var, self.weight.repeat(GROUPS), self.bias.repeat(GROUPS), True, self.momentum, self.eps)
        self.running_mean.copy_(mean.view(GROUPS, c).mean(0))
        self.running_var.copy_(var.view(GROUPS, c).mean(0))
        return y.reshape(n // GROUPS, GROUPS, c, h, w).transpose(0, 1).reshape(n, c, h, w)


def split_norms(module):
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, SplitNorm(child.num_features))
        else:
            split_norms(child)
    return module


class MoCo:
    scale = 0.08

    def __init__(self):
        self.body = split_norms(backbone())
        self.model = nn.Sequential(self.body, head([512, 512, 128]))
        self.keys = nn.Sequential(split_norms(backbone()), head([512, 512, 128]))
        self.keys.load_state_dict(self.model.state_dict())
        self.queue, self.place = F.normalize(torch.randn(4096, 128)), 0

    def groups(self, rate):
        return [{"params": self.model.parameters(), "rate": None}]

    def loss(self, first, second):
        with torch.no_grad():
            for slow, fast in zip(self.keys.parameters(), self.model.parameters()):
                slow.mul_(0.99).add_(fast, alpha=0.01)
            order = torch.randperm(len(second))
            k = F.normalize(self.keys(second[order]))[order.argsort()]
        q = F.normalize(self.model(first))
        logits = torch.cat([(q * k).sum(1, keepdim=True), q @ self.queue.T], 1) / 0.1
        self.k = k
        return F.cross_entropy(logits, torch.zeros(len(q), dtype=torch.long))

    def after(self):
        self.queue[self.place:self.place + len(self.k)] = self.k
        self.place = (self.place + len(self.k)) % len(self.queue)


class SimSiam:
    scale = 0.2

    def __init__(self):
        self.body = backbone()
        self.model = nn.Sequential(self.body, head([512, 2048, 2048], last_norm=True, inner_norm=True))
        self.predictor = nn.Sequential(
            nn.Linear(2048, 512, bias=False), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 2048))

    def groups(self, rate):
        return [{"params": self.model.parameters(), "rate": None}, {"params": self.predictor.parameters(), "rate": rate}]

    def loss(self, first, second):
        z1, z2 = self.model(first), self.model(second)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return -(F.cosine_similarity(p1, z2.detach()).mean() + F.cosine_similarity(p2, z1.detach()).mean()) / 2

    def after(self):
        pass


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("method", choices=("moco-v2", "simsiam"))
    parser.add_argument("data", type=Path)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    images, labels = read(arguments.data / "train")
    tests, truth = read(arguments.data / "test")
    method = MoCo() if arguments.method == "moco-v2" else SimSiam()
    optimizer = torch.optim.SGD(method.groups(RATE), RATE, momentum=0.9, weight_decay=5e-4)
    results, began = [], time.time()

    def measure(epoch, loss):
        accuracy = knn(instdisc.embed(method.body, images), labels, instdisc.embed(method.body, tests), truth)
        results.append({"epoch": epoch, "loss": loss, "seconds": time.time() - began, "knn": accuracy})
        print(results[-1], flush=True)
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")

    measure(0, None)
    for epoch in range(arguments.epochs):
        for group in optimizer.param_groups:
            group["lr"] = group["rate"] or RATE / 2 * (1 + math.cos(math.pi * epoch / arguments.epochs))
        order, total = torch.randperm(len(images)), 0.0
        steps = len(images) // BATCH
        for step in range(steps):
            index = order[step * BATCH:(step + 1) * BATCH].tolist()
            views = [tensor([view(images[i], method.scale) for i in index]) for _ in range(2)]
            loss = method.loss(*views)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            method.after()
            total += loss.item()
        if epoch == 0 or (epoch + 1) % arguments.every == 0:
            measure(epoch + 1, total / steps)


if __name__ == "__main__":
    main()
