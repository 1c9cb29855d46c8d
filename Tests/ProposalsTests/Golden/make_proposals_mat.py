"""Writes proposals.mat: boxes of three images as Fast R-CNN's release files hold them (compressed, y1 x1 y2 x2 from 1).

Usage: python3 make_proposals_mat.py (needs scipy)
"""
import pathlib

import numpy as np
import scipy.io

boxes, images = np.empty((1, 3), dtype=object), np.empty((3, 1), dtype=object)
boxes[0, 0] = np.array([[1, 2, 30, 40], [5, 6, 7, 8]], dtype=np.uint16)
boxes[0, 1] = np.zeros((0, 4))
boxes[0, 2] = np.array([[1.5, 2, 3, 4]], dtype=np.float64)
images[:, 0] = ["000005", "000007", "000009"]
target = pathlib.Path(__file__).parent / "proposals.mat"
scipy.io.savemat(target, {"note": "text", "boxes": boxes, "images": images}, do_compression=True)
# The header holds the time of writing.
data = bytearray(target.read_bytes())
data[:116] = b"MATLAB 5.0 MAT-file".ljust(116)
target.write_bytes(data)
