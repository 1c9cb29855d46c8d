"""Writes methods.json: one training step of each contrastive and self-predicting method, by plain PyTorch.

Usage: python3 make_methods.py   (needs torch)

The network is ResNet-20 (He et al. 2016, section 4.2, with projections) on 16 × 16 pixels, 8 images a step, its weights by the
formula of TestSupport. Each step is written as the method's paper or its authors' code has it, without the Swift code's pieces.
"""

import copy
import json
import sys
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

sys.path.append(str(Path(__file__).parents[2]))
from formula import summary, uniform  # noqa: E402

B, SIDE, D, HIDDEN, K = 8, 16, 16, 24, 32
IMAGES = 10_000


class Block(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        if stride != 1 or inputs != width:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    def forward(self, x):
        shortcut = self.downsample(x) if hasattr(self, "downsample") else x
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + shortcut)


class Encoder(nn.Module):
    """Names and their order are the Swift model's."""

    def __init__(self, head):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, width in enumerate([16, 32, 64]):
            blocks = [Block(inputs if i == 0 else width, width, 2 if stage and i == 0 else 1) for i in range(3)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = width
        self.head = nn.ModuleDict(head) if isinstance(head, dict) else nn.Sequential(*head)

    def features(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return x.mean([2, 3])

    def forward(self, x):
        return self.head(self.features(x))


def fill(model, gain=1.0):
    """In float64, so that the reference adds no rounding of its own; the values are those of float32. As Formula.fill: ordinals follow the order in which the Swift model registers its tensors."""
    model.double()
    for ordinal, (name, tensor) in enumerate(swift_order(model)):
        if not tensor.dtype.is_floating_point:
            continue
        if name.endswith("running_var"):
            scale, shift = 0.5, 1.0
        elif tensor.dim() > 1:
            scale, shift = (gain / (tensor.numel() / tensor.shape[0])) ** 0.5, 0.0
        elif name.endswith("weight"):
            scale, shift = 0.5, 1.0
        else:
            scale, shift = 0.125, 0.0
        with torch.no_grad():
            tensor.copy_((uniform(list(tensor.shape), ordinal) * torch.tensor(scale, dtype=torch.float32) + shift).double())


def swift_order(model):
    """state_dict() lists parameters before buffers of each module, as the Swift layers register them."""
    return list(model.state_dict(keep_vars=True).items())


def images(view, count=B, side=SIDE):
    return uniform([count, 3, side, side], IMAGES + view).double()


def step(model, loss, rate=0.1, momentum=0.9, decay=1e-3):
    optimizer = torch.optim.SGD(model.parameters(), rate, momentum=momentum, weight_decay=decay)
    optimizer.zero_grad()
    loss.backward()
    gradients = {name: summary(p.grad) for name, p in model.named_parameters() if name in SHOWN}
    optimizer.step()
    state = {name: summary(t) for name, t in model.state_dict().items() if name in SHOWN + STATISTICS}
    return {"loss": loss.item(), "gradients": gradients, "after": state}


SHOWN = ["conv1.weight", "layer2.0.conv1.weight", "layer3.2.bn2.weight", "head.0.weight", "predictor.0.weight"]
SHOWN += [f"head.{part}.0.weight" for part in ["tile", "order", "pair", "direction"]]
STATISTICS = ["layer3.2.bn2.running_mean", "layer3.2.bn2.running_var"]


class WithPredictor(nn.Module):
    def __init__(self, encoder, predictor):
        super().__init__()
        for name, module in encoder.named_children():
            setattr(self, name, module)
        self.predictor = nn.Sequential(*predictor)
        self.__dict__["encoder"] = encoder


def moco(deep):
    head = ([nn.Linear(64, 64), nn.ReLU()] if deep else []) + [nn.Linear(64, D)]
    query = Encoder(head)
    fill(query)
    key = copy.deepcopy(query)
    # A key encoder that has fallen behind.
    with torch.no_grad():
        for p in key.parameters():
            p.mul_(0.9)
    queue = F.normalize(uniform([K, D], IMAGES + 5).double(), dim=1)
    m, tau, groups = 0.75, 0.2, 2
    order = torch.tensor([3, 6, 1, 0, 7, 2, 5, 4])
    with torch.no_grad():
        for p, q in zip(key.parameters(), query.parameters()):
            p.copy_(m * p + (1 - m) * q)
    # Batch norm of each group by itself. Its running statistics, which sequential groups weigh unevenly, are not compared.
    q = F.normalize(torch.cat([query(part) for part in images(0).chunk(groups)]), dim=1)
    with torch.no_grad():
        k = F.normalize(torch.cat([key(part) for part in images(1)[order].chunk(groups)]), dim=1)[order.argsort()]
    # Batch norm is over groups at each layer; the network on each group is the same.
    logits = torch.cat([(q * k).sum(1, keepdim=True), q @ queue.T], 1) / tau
    result = step(query, F.cross_entropy(logits, torch.zeros(B, dtype=torch.long)))
    for name in STATISTICS:
        result["after"].pop(name)
    queue[:B] = k
    result["queue"] = summary(queue)
    result["momentum"] = summary(key.state_dict()["layer2.0.conv1.weight"])
    return result


def simclr():
    model = Encoder([nn.Linear(64, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, D, bias=False), nn.BatchNorm1d(D)])
    fill(model)
    z = F.normalize(model(torch.cat([images(0), images(1)])), dim=1)
    s = (z @ z.T / 0.5).exp()
    total = 0
    for i in range(2 * B):
        j = (i + B) % (2 * B)
        total = total - (s[i, j] / (s[i].sum() - s[i, i])).log()
    return step(model, total / (2 * B))


def byol():
    def head(inputs):
        return [nn.Linear(inputs, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, D)]

    model = WithPredictor(Encoder(head(64)), head(D))
    fill(model)
    target = copy.deepcopy(model.encoder)
    with torch.no_grad():
        for p in target.parameters():
            p.mul_(0.9)
        for p, q in zip(target.parameters(), model.encoder.parameters()):
            p.copy_(0.75 * p + 0.25 * q)
        t1, t2 = F.normalize(target(images(0)), dim=1), F.normalize(target(images(1)), dim=1)
    p1 = F.normalize(model.predictor(model.encoder(images(0))), dim=1)
    p2 = F.normalize(model.predictor(model.encoder(images(1))), dim=1)
    loss = ((p1 - t2) ** 2).sum(1).mean() + ((p2 - t1) ** 2).sum(1).mean()
    result = step(model, loss)
    result["momentum"] = summary(target.state_dict()["layer2.0.conv1.weight"])
    return result


def simsiam():
    head = [nn.Linear(64, D, bias=False), nn.BatchNorm1d(D), nn.ReLU(), nn.Linear(D, D, bias=False), nn.BatchNorm1d(D, affine=False)]
    predictor = [nn.Linear(D, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, D)]
    model = WithPredictor(Encoder(head), predictor)
    fill(model)
    z1, z2 = model.encoder(images(0)), model.encoder(images(1))
    p1, p2 = model.predictor(z1), model.predictor(z2)
    loss = -(F.cosine_similarity(p1, z2.detach()).mean() + F.cosine_similarity(p2, z1.detach()).mean()) / 2
    return step(model, loss)


def classify(model, logits, targets):
    targets = torch.tensor(targets)
    result = step(model, F.cross_entropy(logits, targets))
    return result | {"accuracy": (logits.argmax(1) == targets).double().mean().item()}


def rotation():
    model = Encoder([nn.Linear(64, 4)])
    fill(model)
    x = images(0, 2)
    logits = model(torch.cat([torch.rot90(x, turn, [2, 3]) for turn in range(4)]))
    return classify(model, logits, [0, 0, 1, 1, 2, 2, 3, 3])


def standardized(x):
    return (x - x.mean([2, 3], keepdim=True)) / (x.std([2, 3], unbiased=False, keepdim=True) + 1e-6)


def affine_orders():
    """x -> a x + b over the field of nine elements, u + 3 v for u + v i."""
    number = lambda z: complex(z % 3, z // 3)  # noqa: E731
    back = lambda z: int(z.real) % 3 + int(z.imag) % 3 * 3  # noqa: E731
    return [[back(number(a) * number(x) + number(b)) for x in range(9)] for a in range(1, 9) for b in range(9)]


def jigsaw():
    model = Encoder({
        "tile": nn.Sequential(nn.Linear(64, D, bias=False), nn.BatchNorm1d(D), nn.ReLU()),
        "order": nn.Sequential(nn.Linear(9 * D, 64)),
    })
    fill(model)
    tiles = torch.stack([images(tile, 2, 8) for tile in range(9)], 1)  # [2, 9, 3, 8, 8]
    choices = [5, 40]
    shown = torch.stack([tiles[i, affine_orders()[choice]] for i, choice in enumerate(choices)])
    x = model.head["tile"](model.features(standardized(shown.flatten(0, 1))))
    return classify(model, model.head["order"](x.reshape(2, -1)), choices)


def context():
    model = Encoder({
        "pair": nn.Sequential(nn.Linear(2 * 64, HIDDEN, bias=False), nn.BatchNorm1d(HIDDEN), nn.ReLU()),
        "direction": nn.Sequential(nn.Linear(HIDDEN, 8)),
    })
    fill(model)
    features = model.features(standardized(torch.cat([images(patch, 2, 8) for patch in range(9)]))).reshape(9, 2, 64)
    pairs, targets = [], []
    for direction, patch in enumerate([0, 1, 2, 3, 5, 6, 7, 8]):
        for i in range(2):
            pairs.append(torch.cat([features[4, i], features[patch, i]]))
            targets.append(direction)
    return classify(model, model.head["direction"](model.head["pair"](torch.stack(pairs))), targets)


def exemplar():
    model = Encoder([nn.Linear(64, B)])
    fill(model)
    return classify(model, model(images(0)), list(range(B)))


cases = {"moco-v1": moco(False), "moco-v2": moco(True), "simclr": simclr(), "byol": byol(), "simsiam": simsiam()}
cases |= {"rotation": rotation(), "jigsaw": jigsaw(), "context": context(), "exemplar": exemplar()}
Path(__file__).with_name("methods.json").write_text(json.dumps(cases, indent=1) + "\n")
for name, case in cases.items():
    print(name, case["loss"])
