"""Writes regions.json, align.json, losses.json and step.json: ROI max pooling, ROI align, the losses of Fast R-CNN and a
whole training step, computed by PyTorch.

Usage: python3 make_golden.py   (needs torch; no torchvision, whose compiled operator has to match torch's build)

The pooling follows the published algorithm (Girshick, Fast R-CNN, ICCV 2015, and its released layer) cell by cell,
with autograd through torch.max; boxes are (x1, y1, x2, y2) of first and last pixel.
"""

import json
import math
from pathlib import Path

import torch

FOLDER = Path(__file__).parent


def rounded(x):
    """Halves away from zero, as C's round."""
    return math.floor(abs(x) + 0.5) * (1 if x >= 0 else -1)


def bins(first, last, scale, size, limit):
    start, end = rounded(first * scale), rounded(last * scale)
    side = torch.tensor(max(end - start + 1, 1), dtype=torch.float32) / size
    for p in range(size):
        low = math.floor(p * side) + start
        high = math.ceil((p + 1) * side) + start
        yield min(max(low, 0), limit), min(max(high, 0), limit)


def roi_pool(feature, rois, size, scale):
    _, channels, height, width = feature.shape
    out = []
    for image, x1, y1, x2, y2 in rois:
        for y_low, y_high in bins(y1, y2, scale, size, height):
            for x_low, x_high in bins(x1, x2, scale, size, width):
                if y_high <= y_low or x_high <= x_low:
                    out.append(torch.zeros(channels))
                else:
                    part = feature[image, :, y_low:y_high, x_low:x_high].reshape(channels, -1)
                    out.append(part.max(1).values)
    return torch.stack(out).reshape(len(rois), size, size, channels).permute(0, 3, 1, 2)


torch.manual_seed(11)
feature = torch.randn(2, 3, 6, 9).mul(64).round().div(64).requires_grad_()
rois = [
    [0, 0, 0, 143, 95], [1, 8, 24, 71, 87], [0, 40, 8, 40, 8], [1, -30, -20, 60, 40], [0, 100, 60, 300, 200],
    [1, 200, 10, 260, 60], [0, -90, -90, -40, -40], [1, 7.9, 8.1, 56, 23.9], [0, 24, 40, 25, 90], [1, 0, 88, 143, 95],
]
out = roi_pool(feature, rois, 4, 1 / 16)
weight = torch.randn(out.shape).mul(64).round().div(64)
(out * weight).sum().backward()
golden = {
    "shape": list(feature.shape), "map": feature.detach().flatten().tolist(), "rois": rois, "size": 4, "scale": 1 / 16,
    "pooled": out.detach().flatten().tolist(), "weight": weight.flatten().tolist(), "gradient": feature.grad.flatten().tolist(),
}
(FOLDER / "regions.json").write_text(json.dumps(golden) + "\n")

R, K = 7, 3
logits = torch.randn(R, K + 1).requires_grad_()
deltas = (torch.randn(R, 4 * (K + 1)) * 1.5).requires_grad_()
labels = torch.tensor([0, 2, 3, 0, 1, 2, 0])
targets = torch.randn(R, 4) * 1.5
targets[labels == 0] = 0
classification = torch.nn.functional.cross_entropy(logits, labels)
regression = torch.tensor(0.0)
for r in range(R):
    if labels[r] > 0:
        d = deltas[r, 4 * labels[r] : 4 * labels[r] + 4] - targets[r]
        regression = regression + torch.where(d.abs() < 1, 0.5 * d * d, d.abs() - 0.5).sum()
regression = regression / R
(classification + regression).backward()
golden = {
    "regions": R, "classes": K, "logits": logits.flatten().tolist(), "deltas": deltas.flatten().tolist(),
    "labels": labels.tolist(), "targets": targets.flatten().tolist(), "classification": classification.item(),
    "regression": regression.item(), "logits_gradient": logits.grad.flatten().tolist(),
    "deltas_gradient": deltas.grad.flatten().tolist(),
}
(FOLDER / "losses.json").write_text(json.dumps(golden) + "\n")


def roi_align(feature, rois, size, scale, samples):
    """He et al., Mask R-CNN, by torch's grid_sample: half-open boxes, `aligned=True` of torchvision."""
    _, _, height, width = feature.shape
    out = []
    for image, x1, y1, x2, y2 in rois:
        def places(low, high):
            step = (high - low) * scale / (size * samples)
            return low * scale - 0.5 + (torch.arange(size * samples, dtype=torch.float64) + 0.5) * step
        xs, ys = places(x1, x2), places(y1, y2)
        inside = ((ys >= -1) & (ys <= height))[:, None] & ((xs >= -1) & (xs <= width))[None, :]
        grid = torch.stack(torch.broadcast_tensors(
            ((2 * xs.clamp(0, width - 1) + 1) / width - 1)[None, :], ((2 * ys.clamp(0, height - 1) + 1) / height - 1)[:, None]), -1)
        values = torch.nn.functional.grid_sample(
            feature[image : image + 1].double(), grid[None], padding_mode="border", align_corners=False)
        values = values * inside
        out.append(torch.nn.functional.avg_pool2d(values, samples)[0])
    return torch.stack(out).float()


torch.manual_seed(12)
feature = torch.randn(2, 3, 6, 9).mul(64).round().div(64).requires_grad_()
out = roi_align(feature, rois, 4, 1 / 16, 2)
weight = torch.randn(out.shape).mul(64).round().div(64)
(out * weight).sum().backward()
golden = {
    "shape": list(feature.shape), "map": feature.detach().flatten().tolist(), "rois": rois, "size": 4, "scale": 1 / 16,
    "pooled": out.detach().flatten().tolist(), "weight": weight.flatten().tolist(), "gradient": feature.grad.flatten().tolist(),
}
(FOLDER / "align.json").write_text(json.dumps(golden) + "\n")
