"""Writes lab.json: colours by scikit-image, from sRGB to Lab and back: python3 make_lab.py (needs numpy and scikit-image)."""

import json
from pathlib import Path

import numpy as np
from skimage.color import lab2rgb, rgb2lab

random = np.random.default_rng(11)
# Corners and greys, dark colours beside the two straight lines, and any others.
corners = [[r, g, b] for r in (0, 255) for g in (0, 255) for b in (0, 255)]
greys = [[v, v, v] for v in (1, 5, 10, 11, 12, 64, 118, 119, 128)]
pixels = np.array(corners + greys + random.integers(0, 16, (12, 3)).tolist() + random.integers(0, 256, (35, 3)).tolist(), np.uint8)
# Some outside sRGB.
lab = np.stack([random.uniform(0, 100, 40), random.uniform(-90, 100, 40), random.uniform(-110, 95, 40)], 1)
digits = lambda values: [float(f"{v:.9g}") for v in np.ravel(values)]  # noqa: E731
golden = {
    "pixels": pixels.ravel().tolist(),
    "lab": digits(rgb2lab(pixels.astype(np.float64) / 255)),
    "any_lab": digits(lab),
    "rgb": digits(lab2rgb(lab)),
}
Path(__file__).with_name("lab.json").write_text(json.dumps(golden) + "\n")
