"""Writes instance_loss.json: the objectives of instance discrimination, computed by PyTorch in float64.

Usage: python3 make_golden.py   (needs torch)

The formulas are the paper's ratios (Wu et al., CVPR 2018, equations 2 and 4 to 7), not the logits of the Swift code.
"""

import json
from pathlib import Path

import torch

N, D, B, M = 12, 8, 3, 4


def unit(*shape):
    """Unit rows that float32 holds exactly."""
    x = torch.randn(*shape, dtype=torch.float64)
    return (x / x.norm(dim=-1, keepdim=True)).float().double()


def nce(features, indices, noise, bank, temperature, z):
    positive = (features * bank[indices]).sum(1)
    negative = torch.einsum("bmd,bd->bm", bank[noise.reshape(B, M)], features)
    if z is None:
        z = N * (negative.detach() / temperature).exp().mean()
    noise_probability = M / N  # m · P_n
    p = (positive / temperature).exp() / z
    p_noise = (negative / temperature).exp() / z
    h = p / (p + noise_probability)
    h_noise = p_noise / (p_noise + noise_probability)
    return (-h.log() - (1 - h_noise).log().sum(1)).mean(), z


def shared_nce(features, indices, noise, bank, temperature, z, excludes):
    """The noise images [M] serve the whole batch; where one is the sample's own and that is excluded, it does not count."""
    positive = (features * bank[indices]).sum(1)
    negative = features @ bank[noise].T
    p = (positive / temperature).exp() / z
    p_noise = (negative / temperature).exp() / z
    terms = (1 - p_noise / (p_noise + M / N)).log()
    if excludes:
        terms = terms.masked_fill(noise[None, :] == indices[:, None], 0)
    return (-(p / (p + M / N)).log() - terms.sum(1)).mean()


def softmax(features, indices, bank, temperature):
    p = (features @ bank.T / temperature).exp()
    p = p / p.sum(1, keepdim=True)
    return -p[torch.arange(B), indices].log().mean()


def result(features, loss):
    loss.backward()
    return {"features": features.detach().flatten().tolist(), "loss": loss.item(), "gradient": features.grad.flatten().tolist()}


torch.manual_seed(7)
bank = unit(N, D)
cases = []
for temperature in (0.07, 0.1, 0.5):
    indices = torch.randperm(N)[:B]
    noise = torch.randint(0, N, (B * M,))
    noise[1] = indices[0]  # the positive may be among the noise
    first, second, third = (unit(B, D).requires_grad_() for _ in range(3))
    fourth, fifth, sixth = (unit(B, D).requires_grad_() for _ in range(3))
    shared = torch.randint(0, N, (M,))
    shared[2] = indices[1]
    loss, z = nce(first, indices, noise, bank, temperature, None)
    later, _ = nce(second, indices, noise, bank, temperature, z)
    cases.append({
        "temperature": temperature, "indices": indices.tolist(), "noise": noise.tolist(), "z": z.item(),
        "nce_first": result(first, loss), "nce_later": result(second, later),
        "softmax": result(third, softmax(third, indices, bank, temperature)),
        "shared_noise": shared.tolist(),
        "nce_shared": result(fourth, shared_nce(fourth, indices, shared, bank, temperature, z, False)),
        "nce_excluded": result(fifth, shared_nce(fifth, indices, shared, bank, temperature, z, True)),
        "proximal": result(sixth, 30 * (sixth - bank[indices]).square().sum(1).mean()),
    })
golden = {"n": N, "dimension": D, "batch": B, "negatives": M, "bank": bank.flatten().tolist(), "cases": cases}
(Path(__file__).parent / "instance_loss.json").write_text(json.dumps(golden) + "\n")
