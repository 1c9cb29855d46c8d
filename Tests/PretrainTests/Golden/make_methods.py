"""Writes methods.json: one training step of each contrastive, self-predicting and colour-predicting method, by plain PyTorch.

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

    def __init__(self, head, inputs=3, first=16):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, first, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        inputs = first
        for stage, width in enumerate([first, 2 * first, 4 * first]):
            blocks = [Block(inputs if i == 0 else width, width, 2 if stage and i == 0 else 1) for i in range(3)]
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
            inputs = width
        if isinstance(head, dict):
            self.head = nn.ModuleDict(head)
        elif head is not None:
            self.head = nn.Sequential(*head)

    def map(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.layer3(self.layer2(self.layer1(x)))

    def features(self, x):
        return self.map(x).mean([2, 3])

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
    gradients = {name: summary(p.grad) for name, p in model.named_parameters() if name in SHOWN + HALVES}
    optimizer.step()
    state = {name: summary(t) for name, t in model.state_dict().items() if name in SHOWN + HALVES + STATISTICS}
    return {"loss": loss.item(), "gradients": gradients, "after": state}


SHOWN = ["conv1.weight", "layer2.0.conv1.weight", "layer3.2.bn2.weight", "head.0.weight", "predictor.0.weight"]
SHOWN += [f"head.{part}.0.weight" for part in ["tile", "order", "pair", "direction"]]
HALVES = [f"{half}.{name}" for half in ("l", "ab") for name in SHOWN[:3]] + ["head.weight", "head.l.weight", "head.ab.weight"]
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


def halves(heads):
    """Two networks of half the width, for lightness and for colours, and what follows each."""
    model = nn.Module()
    model.l, model.ab = Encoder(None, 1, 8), Encoder(None, 2, 8)
    model.head = nn.Module()
    model.head.l, model.head.ab = heads
    fill(model)
    return model


def cmc():
    """As HobbitLong/CMC: noise-contrastive estimation of each view among the rows of the other's bank."""
    model = halves([nn.Linear(32, D), nn.Linear(32, D)])
    banks = [F.normalize(uniform([B, D], IMAGES + 5 + view).double(), dim=1) for view in range(2)]
    noise = torch.tensor([3, 0, 7, 5, 5, 1, 2, 6, 4, 4, 0, 1, 7, 3, 2, 6, 1, 0, 2, 5, 7, 3, 4, 6]).reshape(B, 3)
    tau, m, n = 0.2, noise.shape[1], B
    x = images(0)
    l = F.normalize(model.head.l(model.l.map(x[:, :1]).mean([2, 3])), dim=1)
    ab = F.normalize(model.head.ab(model.ab.map(x[:, 1:]).mean([2, 3])), dim=1)
    loss, z = 0, []
    for v, bank in ((l, banks[1]), (ab, banks[0])):
        positive = (v * bank).sum(1).div(tau).exp()
        others = (v.unsqueeze(1) * bank[noise]).sum(2).div(tau).exp()
        z.append(others.detach().mean() * n)
        p, q = positive / z[-1], others / z[-1]
        loss = loss - ((p / (p + m / n)).log() + (m / n / (q + m / n)).log().sum(1)).mean()
    result = step(model, loss)
    result["z_l"], result["z_ab"] = z[0].item(), z[1].item()
    for name, v, bank in (("bank_l", l, banks[0]), ("bank_ab", ab, banks[1])):
        result[name] = summary(F.normalize(0.5 * bank + 0.5 * v.detach(), dim=1))
    return result


def bins():
    """The 313 bins of the authors' table: for each a, the range of b."""
    lows = [50, 20, 0, -20, -30, -40, -50, -50, -60, -70, -80, -80, -90, -100, -100, -110, -110, -110, -110, -90]
    highs = [90, 90, 90, 90, 100, 100, 100, 100, 100, 100, 90, 90, 90, 90, 80, 80, 80, 70, 70, 0]
    rows = [[10 * i - 90, b] for i, (low, high) in enumerate(zip(lows, highs)) for b in range(low, high + 1, 10)]
    return torch.tensor(rows, dtype=torch.float64)


def lab(x, cells):
    """Lab itself of scaled images, its mean over each cell: [places, 3]."""
    mean, deviation = torch.tensor([50, 6.025, -6.6895]).double(), torch.tensor([50, 92.208, 101.1675]).double()
    x = x * deviation.view(1, 3, 1, 1) + mean.view(1, 3, 1, 1)
    return F.avg_pool2d(x, SIDE // cells).permute(0, 2, 3, 1).reshape(-1, 3)


def places(maps):
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.shape[1])


def colorization():
    model = nn.Module()
    model.l = Encoder(None, 1)
    model.head = nn.Conv2d(64, 313, 1)
    fill(model)
    x = images(0)
    z = F.log_softmax(places(model.head(model.l.map(x[:, :1]))), 1)
    distance = torch.cdist(lab(x, 4)[:, 1:], bins())
    nearest = distance.argsort(1)[:, :5]
    share = (-distance.gather(1, nearest) ** 2 / 50).exp()
    target = torch.zeros_like(z).scatter(1, nearest, share / share.sum(1, keepdim=True))
    v = uniform([313], IMAGES + 7).double() + 1.5
    return step(model, (v[target.argmax(1)] * -(target * z).sum(1)).mean())


def split_brain():
    model = halves([nn.Conv2d(32, 313, 1), nn.Conv2d(32, 50, 1)])
    x = images(0)
    means = lab(x, 4)
    color = torch.cdist(means[:, 1:], bins()).argmin(1)
    lightness = (means[:, 0] / 2).floor().clamp(0, 49).long()
    loss = F.cross_entropy(places(model.head.l(model.l.map(x[:, :1]))), color)
    return step(model, loss + F.cross_entropy(places(model.head.ab(model.ab.map(x[:, 1:]))), lightness))


GAN = ["head.weight", "generator.0.linear.weight", "generator.1.conv.weight", "generator.1.norm.weight", "generator.2.conv.weight"]
GAN += ["discriminator.0.conv.weight", "discriminator.1.code.weight", "discriminator.1.conv.weight", "discriminator.1.norm.bias"]
GAN += ["discriminator.2.linear.weight"]
GAN_STATISTICS = ["generator.1.norm.running_var", "discriminator.1.norm.running_mean", "discriminator.1.norm.running_var"]


class Pile(nn.Module):
    """Modules of these names."""

    def __init__(self, **modules):
        super().__init__()
        for name, module in modules.items():
            setattr(self, name, module)


def bigan():
    """As Donahue et al.: two losses of one pass, two optimisers, both step at once. 8 channels, codes of 6."""
    model = Encoder(None)
    model.head = nn.Linear(64 * 4 * 4, 6)
    up = lambda i, o, bias: nn.ConvTranspose2d(i, o, 5, 2, 2, 1, bias=bias)  # noqa: E731
    down = lambda i, o, bias: nn.Conv2d(i, o, 5, 2, 2, bias=bias)  # noqa: E731
    model.generator = nn.ModuleList([
        Pile(linear=nn.Linear(6, 16 * 4 * 4, bias=False), norm=nn.BatchNorm2d(16)),
        Pile(conv=up(16, 8, False), norm=nn.BatchNorm2d(8)),
        Pile(conv=up(8, 3, True)),
    ])
    model.discriminator = nn.ModuleList([
        Pile(conv=down(3, 8, True)),
        Pile(conv=down(8, 16, False), code=nn.Linear(6, 16, bias=False), norm=nn.BatchNorm2d(16)),
        Pile(linear=nn.Linear(16 * 4 * 4, 1)),
    ])
    fill(model)
    x, z = images(0), uniform([B, 6], IMAGES + 8).double()
    code = model.head(model.map(x).flatten(1))
    g0, g1, g2 = model.generator
    h = F.relu(g0.norm(g0.linear(z).reshape(B, 16, 4, 4)))
    image = 2 * torch.sigmoid(g2.conv(F.relu(g1.norm(g1.conv(h))))) - 1
    d0, d1, d2 = model.discriminator

    # One batch, so that batch norm mixes both kinds of pairs.
    pictures, codes = torch.cat([x, image]), torch.cat([code, z])
    h = F.leaky_relu(d0.conv(pictures), 0.2)
    h = F.leaky_relu(d1.norm(d1.conv(h) + d1.code(codes)[:, :, None, None]), 0.2)
    real, fake = torch.sigmoid(d2.linear(h.flatten(1))).squeeze(1).split(B)
    loss_d = -(real.log().mean() + (1 - fake).log().mean()) / 2
    loss_eg = -((1 - real).log().mean() + fake.log().mean()) / 2
    named = dict(model.named_parameters())
    theirs = {name: p for name, p in named.items() if name.startswith("discriminator.")}
    others = {name: p for name, p in named.items() if name not in theirs}
    gradients = {}
    for loss, group in ((loss_eg, others), (loss_d, theirs)):
        for name, gradient in zip(group, torch.autograd.grad(loss, list(group.values()), retain_graph=True)):
            group[name].grad = gradient
            gradients[name] = gradient
    optimizers = [torch.optim.Adam(group.values(), 0.01, (0.5, 0.999), weight_decay=1e-3) for group in (others, theirs)]
    for optimizer in optimizers:
        optimizer.step()
    shown = SHOWN[:3] + GAN
    return {
        "loss": loss_eg.item(), "discriminator_loss": loss_d.item(),
        "real_score": real.mean().item(), "generated_score": fake.mean().item(),
        "gradients": {name: summary(gradients[name]) for name in shown},
        "after": {name: summary(model.state_dict()[name]) for name in shown + STATISTICS + GAN_STATISTICS},
    }


cases = {"moco-v1": moco(False), "moco-v2": moco(True), "simclr": simclr(), "byol": byol(), "simsiam": simsiam()}
cases |= {"rotation": rotation(), "jigsaw": jigsaw(), "context": context(), "exemplar": exemplar()}
cases |= {"cmc": cmc(), "colorization": colorization(), "split-brain": split_brain(), "bigan": bigan()}
Path(__file__).with_name("methods.json").write_text(json.dumps(cases, indent=1) + "\n")
for name, case in cases.items():
    print(name, case["loss"])
