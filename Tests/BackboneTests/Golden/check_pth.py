"""Checks `detect-cli weights import` and `export` against PyTorch on whole networks.

Usage: python3 check_pth.py DETECT_CLI   (needs torch and safetensors; takes a minute or two)

Every architecture is built in plain PyTorch with torchvision's names and random weights, saved as .pth, imported, and
read back with safetensors; features of one image are compared between PyTorch and `detect-cli features`, and the
exported file must load strictly.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import nn


class Block(nn.Module):
    """Residual block: basic with two 3x3 convolutions, or bottleneck with 1x1, 3x3, 1x1."""

    def __init__(self, inputs, planes, stride, bottleneck):
        super().__init__()
        outputs = planes * 4 if bottleneck else planes
        plan = (
            [(inputs, planes, 1, 1), (planes, planes, 3, stride), (planes, outputs, 1, 1)]
            if bottleneck else [(inputs, planes, 3, stride), (planes, outputs, 3, 1)]
        )
        self.count = len(plan)
        for i, (a, b, kernel, step) in enumerate(plan, 1):
            setattr(self, f"conv{i}", nn.Conv2d(a, b, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(b))
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        for i in range(1, self.count + 1):
            x = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(x))
            x = torch.relu(x if i < self.count else x + shortcut)
        return x


class ResNet(nn.Module):
    def __init__(self, blocks, bottleneck, classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for stage, count in enumerate(blocks):
            planes = 64 << stage
            layers = []
            for index in range(count):
                layers.append(Block(inputs, planes, 2 if stage and not index else 1, bottleneck))
                inputs = planes * 4 if bottleneck else planes
            setattr(self, f"layer{stage + 1}", nn.Sequential(*layers))
        self.fc = nn.Linear(inputs, classes)

    def features_of(self, x):
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return x.mean((2, 3))


class Sequential(nn.Module):
    """AlexNet and VGG16: `features`, pooling to a fixed size, `classifier`."""

    def __init__(self, features, size, classifier):
        super().__init__()
        self.features, self.size, self.classifier = nn.Sequential(*features), size, nn.Sequential(*classifier)

    def features_of(self, x):
        x = nn.functional.adaptive_avg_pool2d(self.features(x), self.size).flatten(1)
        return self.classifier[:6](x)


def alexnet(classes):
    conv, relu, pool = nn.Conv2d, nn.ReLU, lambda: nn.MaxPool2d(3, 2)  # noqa: E731
    features = [
        conv(3, 64, 11, 4, 2), relu(), pool(), conv(64, 192, 5, 1, 2), relu(), pool(), conv(192, 384, 3, 1, 1), relu(),
        conv(384, 256, 3, 1, 1), relu(), conv(256, 256, 3, 1, 1), relu(), pool(),
    ]
    head = [
        nn.Dropout(), nn.Linear(256 * 36, 4096), relu(), nn.Dropout(), nn.Linear(4096, 4096), relu(),
        nn.Linear(4096, classes),
    ]
    return Sequential(features, 6, head)


def vgg16(classes):
    features, inputs = [], 3
    for width in [64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0]:
        features += [nn.Conv2d(inputs, width, 3, 1, 1), nn.ReLU()] if width else [nn.MaxPool2d(2)]
        inputs = width or inputs
    head = [
        nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(),
        nn.Linear(4096, classes),
    ]
    return Sequential(features, 7, head)


NETWORKS = {
    "alexnet": (alexnet, "fc7"), "vgg16": (vgg16, "fc7"),
    "resnet18": (lambda n: ResNet([2, 2, 2, 2], False, n), "avgpool"),
    "resnet34": (lambda n: ResNet([3, 4, 6, 3], False, n), "avgpool"),
    "resnet50": (lambda n: ResNet([3, 4, 6, 3], True, n), "avgpool"),
}
MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def write_png(path, pixels):
    """[H, W, 3] uint8, as a PNG without any library."""
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + bytes(row.flatten().tolist()) for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )


def main(cli):
    torch.manual_seed(7)
    torch.set_num_threads(2)
    failed = False
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        folder = Path(folder)
        images = folder / "images" / "a"
        images.mkdir(parents=True)
        # `features` scales the short side to 256, which it is, and takes the middle of 224 pixels.
        pixels = torch.randint(0, 256, (2, 256, 256, 3), dtype=torch.uint8)
        for index, image in enumerate(pixels):
            write_png(images / f"{index}.png", image)
        x = ((pixels[:, 16:240, 16:240].float() / 255 - MEAN) / DEVIATION).permute(0, 3, 1, 2).contiguous()
        for name, (make, layer) in NETWORKS.items():
            model = make(100).eval()
            for module in model.modules():
                if isinstance(module, (nn.Conv2d, nn.Linear)):
                    # Else the images would hardly matter behind sixteen layers.
                    nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if isinstance(module, nn.BatchNorm2d):
                    module.running_mean.normal_(0, 0.1)
                    module.running_var.uniform_(0.5, 1.5)
            state = model.state_dict()
            torch.save({"epoch": 1, "state_dict": {"module." + k: v for k, v in state.items()}}, folder / "a.pth")
            run = lambda *arguments: subprocess.run([cli, *map(str, arguments)], check=True, stdout=subprocess.PIPE)  # noqa: E731
            run("weights", "import", folder / "a.pth", "--out", folder / "a.safetensors")
            imported = load_file(folder / "a.safetensors")
            same = imported.keys() == state.keys() and all(torch.equal(imported[k], v) for k, v in state.items())
            run("weights", "export", folder / "a.safetensors", "--out", folder / "b.safetensors")
            make(100).load_state_dict(load_file(folder / "b.safetensors"), strict=True)
            run(
                "features", "--weights", folder / "a.safetensors", "--data", folder / "images", "--layer", layer,
                "--out", folder / "f.safetensors",
            )
            found, expected = load_file(folder / "f.safetensors")["features"], model.features_of(x)
            error = ((found - expected).abs() / (expected.square().mean().sqrt() + expected.abs())).max().item()
            logits = (model.fc if name.startswith("resnet") else model.classifier[6])(found)
            reference = (model.fc if name.startswith("resnet") else model.classifier[6])(expected)
            gap = (logits - reference).abs().max().item() / reference.square().mean().sqrt().item()
            good = same and error < 1e-4 and gap < 1e-4
            failed |= not good
            print(
                f"{name:9} tensors {len(state):3} {'equal' if same else 'DIFFERENT'}  features {error:.1e}  logits {gap:.1e}"
                f"  {'ok' if good else 'FAILED'}", flush=True,
            )
            (folder / "a.pth").unlink()
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
