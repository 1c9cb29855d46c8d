"""The networks of the peers in plain PyTorch, as torchvision has them, without their last layer."""
from benchmark import peer

torch = peer("torch")
nn = torch.nn
F = nn.functional


class Block(nn.Module):
    """Residual block: two 3x3 convolutions, or 1x1, 3x3, 1x1."""

    def __init__(self, inputs, planes, stride, is_bottleneck):
        super().__init__()
        outputs = 4 * planes if is_bottleneck else planes
        plan = ([(inputs, planes, 1, 1), (planes, planes, 3, stride), (planes, outputs, 1, 1)] if is_bottleneck
                else [(inputs, planes, 3, stride), (planes, outputs, 3, 1)])
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, k, s, k // 2, bias=False) for a, b, k, s in plan)
        self.norms = nn.ModuleList(nn.BatchNorm2d(b) for _, b, _, _ in plan)
        self.down = None
        if stride != 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = x
        for index, (convolution, norm) in enumerate(zip(self.convolutions, self.norms)):
            out = norm(convolution(out))
            if index < len(self.norms) - 1:
                out = F.relu(out, inplace=True)
        out += x if self.down is None else self.down(x)
        return F.relu(out, inplace=True)


def resnet(blocks, is_bottleneck, stem="imagenet"):
    layers = {
        "imagenet": [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True), nn.MaxPool2d(3, 2, 1)],
        "cifar": [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)],
    }[stem]
    inputs = 64
    for stage, count in enumerate(blocks):
        planes = 64 << stage
        for index in range(count):
            layers.append(Block(inputs, planes, 2 if stage and index == 0 else 1, is_bottleneck))
            inputs = planes * (4 if is_bottleneck else 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()), inputs


def alexnet_stages():
    return [
        nn.Sequential(nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(True)),
        nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(64, 192, 5, 1, 2), nn.ReLU(True)),
        nn.Sequential(nn.MaxPool2d(3, 2), nn.Conv2d(192, 384, 3, 1, 1), nn.ReLU(True)),
        nn.Sequential(nn.Conv2d(384, 256, 3, 1, 1), nn.ReLU(True)),
        nn.Sequential(nn.Conv2d(256, 256, 3, 1, 1), nn.ReLU(True))]


def vgg16_stages():
    stages, inputs = [], 3
    for number, (outputs, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        layers = [nn.MaxPool2d(2)] if number else []
        for _ in range(count):
            layers += [nn.Conv2d(inputs, outputs, 3, 1, 1), nn.ReLU(True)]
            inputs = outputs
        stages.append(nn.Sequential(*layers))
    return stages


def fully_connected(inputs):
    return [nn.Dropout(), nn.Linear(inputs, 4096), nn.ReLU(True), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(True)]


def network(name, stem="imagenet"):
    """(module that turns images into features, width of the features)."""
    if name == "alexnet":
        return nn.Sequential(*alexnet_stages(), nn.MaxPool2d(3, 2), nn.AdaptiveAvgPool2d(6), nn.Flatten(),
                             *fully_connected(256 * 36)), 4096
    if name == "vgg16":
        return nn.Sequential(*vgg16_stages(), nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(7), nn.Flatten(),
                             *fully_connected(512 * 49)), 4096
    blocks, is_bottleneck = {"resnet18": ([2, 2, 2, 2], False), "resnet50": ([3, 4, 6, 3], True)}[name]
    return resnet(blocks, is_bottleneck, stem)


# Multiplications and additions of a forward pass on one image of 224 x 224 (32 x 32 with the CIFAR stem).
OPERATIONS = {"resnet50": 8.18e9, "resnet18": 3.63e9, "resnet18 cifar": 1.11e9, "alexnet": 1.42e9, "vgg16": 30.9e9}
