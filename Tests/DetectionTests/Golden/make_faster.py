"""Writes faster.json: anchors, losses of the region proposal network, the proposal layer, and one joint training step of
Faster R-CNN on torchvision's ResNet-18, computed by PyTorch.

Usage: python3 make_faster.py   (needs torch and torchvision's Python part)

Everything follows the papers and the released code of Faster R-CNN; boxes are (x1, y1, x2, y2), half-open. Weights and
images follow from the formula of BackboneTests/Golden/make_golden.py. What the samplers would draw is given.
"""
import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from make_step import CLASSES, FastRCNN, backbone, regions

FOLDER = Path(__file__).parent


def half_to_even(x):
    return float(torch.tensor(x, dtype=torch.float64).round())


def base_anchors(base, ratios, scales):
    """The released generate_anchors: shapes of a rounded base square, scaled, around its centre."""
    out = []
    for ratio in ratios:
        width = half_to_even(math.sqrt(base * base / ratio))
        height = half_to_even(width * ratio)
        for scale in scales:
            w, h = width * scale, height * scale
            # There the centre is (base − 1) / 2 and boxes end with their last pixel.
            c = (base - 1) / 2
            first, last = (c - (w - 1) / 2, c - (h - 1) / 2), (c + (w - 1) / 2, c + (h - 1) / 2)
            out.append([first[0], first[1], last[0] + 1, last[1] + 1])
    return out


def all_anchors(height, width, stride, ratios, scales):
    base = base_anchors(stride, ratios, scales)
    return [[x * stride + a, y * stride + b, x * stride + c, y * stride + d]
            for y in range(height) for x in range(width) for a, b, c, d in base]


def area(b):
    return max(b[2] - b[0], 0) * max(b[3] - b[1], 0)


def iou(a, b):
    common = area([max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])])
    return common / (area(a) + area(b) - common)


def decode(anchor, delta):
    w, h = anchor[2] - anchor[0], anchor[3] - anchor[1]
    x, y = anchor[0] + w / 2 + delta[0] * w, anchor[1] + h / 2 + delta[1] * h
    limit = math.log(1000 / 16)
    w, h = w * math.exp(min(delta[2], limit)), h * math.exp(min(delta[3], limit))
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2]


def encode(anchor, box):
    w, h = anchor[2] - anchor[0], anchor[3] - anchor[1]
    W, H = box[2] - box[0], box[3] - box[1]
    return [((box[0] + box[2]) - (anchor[0] + anchor[2])) / 2 / w, ((box[1] + box[3]) - (anchor[1] + anchor[3])) / 2 / h,
            math.log(W / w), math.log(H / h)]


def proposals(scores, deltas, anchors, width, height, minimum, candidates, count, threshold):
    boxes = []
    for score, delta, anchor in zip(scores, deltas, anchors):
        b = decode(anchor, delta)
        b = [min(max(b[0], 0), width), min(max(b[1], 0), height), min(max(b[2], 0), width), min(max(b[3], 0), height)]
        if b[2] - b[0] >= minimum and b[3] - b[1] >= minimum:
            boxes.append((score, b))
    boxes.sort(key=lambda item: -item[0])
    kept = []
    for _, b in boxes[:candidates]:
        if all(iou(b, other) <= threshold for other in kept):
            kept.append(b)
        if len(kept) == count:
            break
    return kept


def rpn_losses(logits, deltas, drawn, labels, objects, anchors, sigma):
    chosen = logits[drawn]
    objectness = F.binary_cross_entropy_with_logits(chosen, labels)
    positive = [i for i, label in zip(drawn.tolist(), labels.tolist()) if label > 0]
    targets = torch.tensor([encode(anchors[i], o) for i, o in zip(positive, objects)])
    d = (deltas[positive] - targets).abs()
    s = sigma ** 2
    regression = torch.where(d < 1 / s, 0.5 * s * d * d, d - 0.5 / s).sum() / len(drawn)
    return objectness, regression


class Proposer(nn.Module):
    def __init__(self, channels, hidden, anchors):
        super().__init__()
        self.head = nn.Module()
        self.head.conv = nn.Sequential(nn.Sequential(nn.Conv2d(channels, hidden, 3, padding=1)))
        self.head.cls_logits = nn.Conv2d(hidden, anchors, 1)
        self.head.bbox_pred = nn.Conv2d(hidden, 4 * anchors, 1)

    def forward(self, x):
        x = torch.relu(self.head.conv(x))
        logits = self.head.cls_logits(x).permute(0, 2, 3, 1).reshape(-1)
        deltas = self.head.bbox_pred(x).permute(0, 2, 3, 1).reshape(-1, 4)
        return logits, deltas


class FasterRCNN(FastRCNN):
    def __init__(self):
        super().__init__()
        self.rpn = Proposer(256, 32, 6)

    def forward(self, x, rois):
        b = self.backbone
        x = b.layer3(b.layer2(b.layer1(torch.relu(b.bn1(b.conv1(x))))))
        features = b.layer4(regions.roi_pool(x, rois, 4, 1 / 4)).mean([2, 3])
        return self.rpn(x), self.box_predictor["cls_score"](features), self.box_predictor["bbox_pred"](features)


def main():
    golden = {"base_anchors": base_anchors(16, [0.5, 1, 2], [8, 16, 32]),
              "anchors": all_anchors(3, 4, 16, [0.5, 1, 2], [2, 4])}

    # The proposal layer; scores and deltas are float32, as a network gives them.
    torch.manual_seed(5)
    anchors = all_anchors(6, 9, 16, [0.5, 1, 2], [2, 4])
    scores, deltas = torch.randn(len(anchors)), torch.randn(len(anchors), 4) * 0.3
    settings = {"width": 140, "height": 92, "minimum": 16, "candidates": 150, "count": 40, "threshold": 0.6}
    kept = proposals(scores.double().tolist(), deltas.double().tolist(), anchors, *settings.values())
    golden["layer"] = {**settings, "scores": scores.tolist(), "deltas": deltas.flatten().tolist(), "proposals": kept}

    # Losses of a network of 3 × 4 cells with 6 anchors each.
    anchors = golden["anchors"]
    logits = torch.randn(72).requires_grad_()
    deltas = (torch.randn(72, 4) * 0.5).requires_grad_()
    drawn, labels = torch.tensor([3, 40, 8, 60, 21]), torch.tensor([1.0, 1, 0, 0, 0])
    objects = [[5, 2, 50, 30], [20, 10, 60, 60]]
    objectness, regression = rpn_losses(logits, deltas, drawn, labels, objects, anchors, 3)
    (objectness + regression).backward()
    golden["losses"] = {
        "logits": logits.tolist(), "deltas": deltas.flatten().tolist(), "drawn": drawn.tolist(), "objects": objects,
        "objectness": objectness.item(), "regression": regression.item(), "logits_gradient": logits.grad.tolist(),
        "deltas_gradient": deltas.grad.flatten().tolist()}

    # A joint step.
    with torch.no_grad():
        model = backbone.fill(FasterRCNN(), 2.0)
    model.eval()
    x = backbone.uniform((1, 3, 32, 40), backbone.IMAGE_ORDINAL)
    rois = [[0, 0, 0, 39, 31], [0, 4, 6, 21, 30], [0, 10, 3, 33, 12], [0, 20, 16, 39, 31]]
    labels = torch.tensor([0, 2, 3, 1])
    targets = backbone.uniform((4, 4), backbone.IMAGE_ORDINAL + 1) * 2
    targets[labels == 0] = 0
    for name, parameter in model.named_parameters():
        if name.startswith(("backbone.conv1", "backbone.bn1", "backbone.layer1")) or ".bn" in name or "downsample.1" in name:
            parameter.requires_grad = False
    (rpn_logits, rpn_deltas), logits, deltas = model(x, rois)
    # 8 × 10 cells of 4 pixels; three ratios, two scales.
    anchors = all_anchors(8, 10, 4, [0.5, 1, 2], [2, 4])
    drawn, positive = torch.tensor([100, 333, 7, 250, 404, 91]), torch.tensor([1.0, 1, 0, 0, 0, 0])
    objects = [[4, 6, 22, 31], [10, 3, 34, 13]]
    objectness, rpn_box = rpn_losses(rpn_logits, rpn_deltas, drawn, positive, objects, anchors, 3)
    classification = F.cross_entropy(logits, labels)
    own = deltas.reshape(4, -1, 4)[torch.arange(4), labels]
    regression = F.smooth_l1_loss(own, targets, reduction="none")[labels > 0].sum() / 4
    (objectness + rpn_box + classification + regression).backward()
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    watched = ["backbone.layer2.0.conv1.weight", "backbone.layer3.1.conv2.weight", "backbone.layer4.1.conv2.weight",
               "box_predictor.cls_score.weight", "rpn.head.conv.0.0.weight", "rpn.head.conv.0.0.bias",
               "rpn.head.cls_logits.weight", "rpn.head.bbox_pred.weight", "rpn.head.bbox_pred.bias"]
    golden["step"] = {
        "objectness": objectness.item(), "rpn_box": rpn_box.item(), "classification": classification.item(),
        "regression": regression.item(), "drawn": drawn.tolist(), "objects": objects,
        "trained": [n for n, _ in trained], "gradients": {n: backbone.summary(p.grad) for n, p in trained if n in watched}}
    optimizer = torch.optim.SGD(
        [{"params": [p for n, p in trained if not n.endswith("bias")], "weight_decay": 0.0005},
         {"params": [p for n, p in trained if n.endswith("bias")], "weight_decay": 0, "lr": 0.002}], lr=0.001, momentum=0.9)
    optimizer.step()
    golden["step"]["after"] = {n: backbone.summary(p) for n, p in trained if n in watched}
    (FOLDER / "faster.json").write_text(json.dumps(golden) + "\n")


main()
