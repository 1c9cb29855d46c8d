#!/usr/bin/env python3
"""Instance discrimination in plain PyTorch, to compare detect-cli with: the same recipe, nothing shared.

Usage: Benchmarks/fidelity/instdisc.py DATA --json FILE     DATA: what prepare.py made; needs torch, numpy and Pillow

ResNet-18 with the ImageNet stem at 32 pixels, full softmax over the memory bank, temperature .1, batch 128, learning
rate .03, weight decay 5e-4, momentum .9, bank momentum .5. kNN: K = 200, temperature .1, on the embeddings of the test
images, with the embeddings of the training images (recomputed) and with the memory bank as neighbours.
"""
import argparse
import json
import math
import random
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image, ImageEnhance

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
SIDE, BATCH, DIMENSION, TEMPERATURE, MOMENTUM = 32, 128, 128, 0.1, 0.5


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + (x if self.down is None else self.down(x)))


def network():
    layers, inputs = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for outputs, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [Block(inputs, outputs, stride), Block(outputs, outputs, 1)]
        inputs = outputs
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, DIMENSION))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return model.to(memory_format=torch.channels_last)


def read(folder):
    images, labels = [], []
    for label, name in enumerate(sorted(p.name for p in folder.iterdir())):
        for path in sorted((folder / name).iterdir()):
            images.append(Image.open(path).convert("RGB").copy())
            labels.append(label)
    return images, torch.tensor(labels)


def crop(image, scale=0.2):
    width, height = image.size
    for _ in range(10):
        area = width * height * random.uniform(scale, 1)
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            x, y = random.randint(0, width - w), random.randint(0, height - h)
            return image.resize((SIDE, SIDE), Image.BILINEAR, (x, y, x + w, y + h))
    return image.resize((SIDE, SIDE), Image.BILINEAR)


def jitter(image):
    steps = [
        lambda i: ImageEnhance.Brightness(i).enhance(random.uniform(0.6, 1.4)),
        lambda i: ImageEnhance.Contrast(i).enhance(random.uniform(0.6, 1.4)),
        lambda i: ImageEnhance.Color(i).enhance(random.uniform(0.6, 1.4)),
        hue,
    ]
    random.shuffle(steps)
    for step in steps:
        image = step(image)
    return image


def hue(image, strength=0.4):
    h, s, v = image.convert("HSV").split()
    shifted = (np.asarray(h, dtype=np.int32) + int(random.uniform(-strength, strength) * 255)) % 256
    return Image.merge("HSV", (Image.fromarray(shifted.astype(np.uint8)), s, v)).convert("RGB")


def augment(image):
    image = crop(image)
    if random.random() < 0.2:
        image = Image.merge("RGB", [image.convert("L")] * 3)
    return jitter(image)


def tensor(images):
    x = torch.from_numpy(np.stack([np.asarray(i) for i in images])).permute(0, 3, 1, 2).float() / 255
    x = (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)
    return x.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def embed(model, images):
    model.eval()
    parts = [F.normalize(model(tensor(images[i:i + 200]))) for i in range(0, len(images), 200)]
    model.train()
    return torch.cat(parts)


def knn(neighbours, labels, queries, truth):
    values, indices = (queries @ neighbours.T).topk(200, 1)
    votes = torch.zeros(len(queries), 10).scatter_add_(1, labels[indices], (values / TEMPERATURE).exp())
    return 100 * (votes.argmax(1) == truth).float().mean().item()


def main():
    parser = argparse.ArgumentParser()
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
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), 0.03, momentum=0.9, weight_decay=5e-4)
    bank = F.normalize(torch.randn(len(images), DIMENSION))
    results, began = [], time.time()

    def measure(epoch, loss):
        queries = embed(model, tests)
        row = {
            "epoch": epoch, "loss": loss, "seconds": time.time() - began,
            "knn_recomputed": knn(embed(model, images), labels, queries, truth), "knn_bank": knn(bank, labels, queries, truth),
        }
        results.append(row)
        print(row, flush=True)
        arguments.json.write_text(json.dumps(results, indent=2) + "\n")

    measure(0, None)
    for epoch in range(arguments.epochs):
        order, total = torch.randperm(len(images)), 0.0
        steps = len(images) // BATCH
        for step in range(steps):
            index = order[step * BATCH:(step + 1) * BATCH]
            features = F.normalize(model(tensor([augment(images[i]) for i in index.tolist()])))
            loss = F.cross_entropy(features @ bank.T / TEMPERATURE, index)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            with torch.no_grad():
                bank[index] = F.normalize(MOMENTUM * bank[index] + (1 - MOMENTUM) * features)
            total += loss.item()
        if epoch == 0 or (epoch + 1) % arguments.every == 0:
            measure(epoch + 1, total / steps)


if __name__ == "__main__":
    main()
