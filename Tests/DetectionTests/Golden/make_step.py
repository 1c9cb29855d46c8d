"""Writes step.json: one training step of Fast R-CNN on torchvision's ResNet-18, computed by PyTorch.

Usage: python3 make_step.py   (needs torch and torchvision's Python part)

Weights and image follow from the formula of BackboneTests/Golden/make_golden.py. Batch norm is frozen, regions are
pooled by ROI max pooling, the optimiser has the groups of the published recipe.
"""
import importlib.util
import json
import sys
from pathlib import Path

import torch

FOLDER = Path(__file__).parent


def load(path, stop):
    """The functions of a script, up to the line that begins to write."""
    text = path.read_text().split(stop)[0]
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(path.stem, None))
    module.__file__ = str(path)
    exec(compile(text, str(path), "exec"), module.__dict__)
    return module


backbone = load(FOLDER.parent.parent / "BackboneTests/Golden/make_golden.py", "\nfor name, content in ")
regions = load(FOLDER / "make_golden.py", "\ntorch.manual_seed(11)")
CLASSES = 3


class FastRCNN(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = backbone.cifar_resnet18()
        del self.backbone.fc
        self.box_predictor = torch.nn.ModuleDict(
            {"cls_score": torch.nn.Linear(512, CLASSES + 1), "bbox_pred": torch.nn.Linear(512, 4 * (CLASSES + 1))})

    def forward(self, x, rois):
        b = self.backbone
        x = b.layer3(b.layer2(b.layer1(torch.relu(b.bn1(b.conv1(x))))))
        pooled = regions.roi_pool(x, rois, 4, 1 / 4)
        features = b.layer4(pooled).mean([2, 3])
        return self.box_predictor["cls_score"](features), self.box_predictor["bbox_pred"](features)


def main():
    with torch.no_grad():
        model = backbone.fill(FastRCNN(), 2.0)
    model.eval()
    x = backbone.uniform((1, 3, 32, 40), backbone.IMAGE_ORDINAL)
    rois = [[0, 0, 0, 39, 31], [0, 4, 6, 21, 30], [0, 10, 3, 33, 12], [0, 20, 16, 39, 31], [0, 2, 2, 9, 9], [0, 30, 0, 38, 20]]
    labels = torch.tensor([0, 2, 3, 1, 0, 2])
    targets = backbone.uniform((6, 4), backbone.IMAGE_ORDINAL + 1) * 2
    targets[labels == 0] = 0
    for name, parameter in model.named_parameters():
        if name.startswith(("backbone.conv1", "backbone.bn1", "backbone.layer1")) or ".bn" in name or "downsample.1" in name:
            parameter.requires_grad = False
    logits, deltas = model(x, rois)
    classification = torch.nn.functional.cross_entropy(logits, labels)
    own = deltas.reshape(6, -1, 4)[torch.arange(6), labels]
    difference = torch.nn.functional.smooth_l1_loss(own, targets, reduction="none")
    regression = difference[labels > 0].sum() / 6
    (classification + regression).backward()
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    watched = ["backbone.layer2.0.conv1.weight", "backbone.layer3.1.conv2.weight", "backbone.layer4.0.downsample.0.weight",
               "backbone.layer4.1.conv2.weight", "box_predictor.cls_score.weight", "box_predictor.cls_score.bias",
               "box_predictor.bbox_pred.weight"]
    golden = {"classification": classification.item(), "regression": regression.item(), "trained": [n for n, _ in trained],
              "gradients": {n: backbone.summary(p.grad) for n, p in trained if n in watched}}
    optimizer = torch.optim.SGD(
        [{"params": [p for n, p in trained if not n.endswith("bias")], "weight_decay": 0.0005},
         {"params": [p for n, p in trained if n.endswith("bias")], "weight_decay": 0, "lr": 0.002}], lr=0.001, momentum=0.9)
    optimizer.step()
    golden["after"] = {n: backbone.summary(p) for n, p in trained if n in watched}
    (FOLDER / "step.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main()
