"""Writes names.json, forward.json and training.json: what torchvision's models hold and compute.

Usage: python3 make_golden.py   (needs torch and torchvision)

Weights and images follow from a formula, so that both sides of a comparison have them without a file.
"""

import json
import math
import sys
import types
from pathlib import Path

import torch

# The models need none of torchvision's compiled operators; without this line they must match torch's build.
sys.modules["torchvision._meta_registrations"] = types.ModuleType("torchvision._meta_registrations")
from torchvision import models  # noqa: E402

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parents[1]))
from formula import summary, uniform  # noqa: E402

IMAGE_ORDINAL = 10_000


def fill(module, gain):
    """Fills every tensor of a module's state; weights get the standard deviation sqrt(gain / 3 / fan in)."""
    for ordinal, (name, value) in enumerate(module.state_dict().items()):
        if not value.is_floating_point():
            continue
        values = uniform(value.shape, ordinal)
        if name.endswith("running_var"):
            values = values * 0.5 + 1
        elif value.dim() > 1:
            fan_in = math.prod(value.shape[1:])
            values = values * torch.tensor(math.sqrt(gain / fan_in), dtype=torch.float32)
        elif name.endswith("weight"):
            values = values * 0.5 + 1
        else:
            values = values * 0.125
        value.copy_(values)
    return module


def cifar_resnet18():
    model = models.resnet18(weights=None)
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = torch.nn.Identity()
    return model


class SmallResNet(torch.nn.Module):
    """ResNet-20 (He et al., CVPR 2016, section 4.2) of torchvision's blocks: three stages, projections as shortcuts."""

    def __init__(self, width, classes=1000):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.relu = torch.nn.ReLU(inplace=False)
        self.maxpool = torch.nn.MaxPool2d(3, stride=2, padding=1)
        block = models.resnet.BasicBlock
        inputs = width
        for stage in range(3):
            planes, stride = width << stage, 1 if stage == 0 else 2
            downsample = None
            if stride != 1:
                downsample = torch.nn.Sequential(
                    torch.nn.Conv2d(inputs, planes, 1, stride=stride, bias=False), torch.nn.BatchNorm2d(planes)
                )
            blocks = [block(inputs, planes, stride, downsample)] + [block(planes, planes) for _ in range(2)]
            setattr(self, f"layer{stage + 1}", torch.nn.Sequential(*blocks))
            inputs = planes
        self.avgpool = torch.nn.AdaptiveAvgPool2d(1)
        self.fc = torch.nn.Linear(inputs, classes)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.avgpool(x).flatten(1))


def resnet20():
    return SmallResNet(16)


def resnet20x2():
    return SmallResNet(32)


def cifar_resnet20():
    model = resnet20()
    model.conv1 = torch.nn.Conv2d(3, 16, 3, padding=1, bias=False)
    model.maxpool = torch.nn.Identity()
    return model


def sequential_outputs(model, x, ends, fc6, fc7):
    """Layers of AlexNet and VGG16; `ends`: number of modules of `features` up to the end of conv1, conv2, ..."""
    outputs = {f"conv{i + 1}": model.features[:end](x) for i, end in enumerate(ends)}
    outputs["trunk"] = outputs[f"conv{len(ends)}"]
    flat = model.avgpool(model.features(x)).flatten(1)
    outputs["fc6"] = model.classifier[:fc6](flat)
    outputs["fc7"] = outputs["features"] = model.classifier[:fc7](flat)
    return outputs


def resnet_outputs(model, x):
    outputs = {"conv1": model.relu(model.bn1(model.conv1(x)))}
    x = model.maxpool(outputs["conv1"])
    stages = [name for name in ["layer1", "layer2", "layer3", "layer4"] if hasattr(model, name)]
    for name in stages:
        x = outputs[name] = getattr(model, name)(x)
    outputs["trunk"] = outputs[stages[-2]]
    outputs["avgpool"] = outputs["features"] = model.avgpool(x).flatten(1)
    return outputs


def names():
    published = ["alexnet", "vgg16", "resnet18", "resnet34", "resnet50", "resnet101"]
    architectures = {name: getattr(models, name) for name in published}
    architectures |= {"resnet20": resnet20, "resnet20x2": resnet20x2}
    return {
        name: [
            " ".join([key] + [str(size) for size in value.shape])
            for key, value in make().state_dict().items()
        ]
        for name, make in architectures.items()
    }


def forward():
    cases = [
        ("alexnet", models.alexnet, 6.0, (64, 96), lambda m, x: sequential_outputs(m, x, [2, 5, 8, 10, 12], 3, 6)),
        ("vgg16", models.vgg16, 6.0, (64, 96), lambda m, x: sequential_outputs(m, x, [4, 9, 16, 23, 30], 2, 5)),
        ("resnet18", models.resnet18, 2.0, (64, 96), resnet_outputs),
        ("resnet34", models.resnet34, 2.0, (64, 96), resnet_outputs),
        ("resnet50", models.resnet50, 2.0, (64, 96), resnet_outputs),
        ("resnet101", models.resnet101, 2.0, (64, 96), resnet_outputs),
        ("resnet18-cifar", cifar_resnet18, 2.0, (32, 32), resnet_outputs),
        ("resnet20", resnet20, 2.0, (64, 96), resnet_outputs),
        ("resnet20x2", resnet20x2, 2.0, (64, 96), resnet_outputs),
        ("resnet20-cifar", cifar_resnet20, 2.0, (32, 32), resnet_outputs),
    ]
    result = {}
    for name, make, gain, size, outputs in cases:
        with torch.no_grad():
            model = fill(make(), gain).eval()
            x = uniform((2, 3, *size), IMAGE_ORDINAL)
            tensors = {"logits": model(x), **outputs(model, x)}
        result[name] = {
            "gain": gain,
            "image": list(x.shape),
            "outputs": {key: summary(value) for key, value in tensors.items()},
        }
    return result


def training():
    """One step of SGD on ResNet-18 in training mode."""
    with torch.no_grad():
        model = fill(models.resnet18(weights=None), 2.0).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)
    x = uniform((4, 3, 64, 64), IMAGE_ORDINAL)
    loss = torch.nn.functional.cross_entropy(model(x), torch.tensor([1, 30, 500, 999]))
    loss.backward()
    parameters = dict(model.named_parameters())
    trained = [
        "conv1.weight", "bn1.weight", "layer1.1.conv2.weight", "layer2.0.downsample.0.weight",
        "layer3.0.bn2.bias", "layer4.1.conv2.weight", "fc.weight", "fc.bias",
    ]
    gradients = {name: summary(parameters[name].grad) for name in trained}
    optimizer.step()
    state = model.state_dict()
    after = trained + [
        "bn1.running_mean", "bn1.running_var", "layer2.0.downsample.1.running_mean", "layer4.1.bn2.running_mean",
        "layer4.1.bn2.running_var",
    ]
    return {
        "loss": loss.item(),
        "gradients": gradients,
        "after": {name: summary(state[name]) for name in after},
        "num_batches_tracked": state["bn1.num_batches_tracked"].item(),
    }


for name, content in [("names", names()), ("forward", forward()), ("training", training())]:
    (FOLDER / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")
