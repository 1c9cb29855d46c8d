"""The training images of the reference code with PIL: random resized crop, grayscale, colour jitter, mirroring.

What torchvision's transforms do on PIL images, in their order and with their distributions, without torchvision.
"""
import math
import random

from benchmark import peer

np = peer("numpy")
Image = peer("PIL.Image", "pillow")
ImageEnhance = peer("PIL.ImageEnhance", "pillow")


def random_resized_crop(image, side, scale=(0.2, 1.0), ratio=(3 / 4, 4 / 3)):
    width, height = image.size
    for _ in range(10):
        area = width * height * random.uniform(*scale)
        aspect = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            x, y = random.randint(0, width - w), random.randint(0, height - h)
            break
    else:
        w, h = min(width, round(height * ratio[1])), min(height, round(width / ratio[0]))
        x, y = (width - w) // 2, (height - h) // 2
    return image.crop((x, y, x + w, y + h)).resize((side, side), Image.BILINEAR)


def adjust_hue(image, shift):
    hue, saturation, value = image.convert("HSV").split()
    hue = Image.fromarray((np.array(hue, dtype=np.int32) + int(shift * 255)).astype(np.uint8), "L")
    return Image.merge("HSV", (hue, saturation, value)).convert("RGB")


def color_jitter(image, strength=0.4):
    changes = [
        *[lambda image, kind=kind: kind(image).enhance(random.uniform(1 - strength, 1 + strength))
          for kind in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)],
        lambda image: adjust_hue(image, random.uniform(-strength, strength))]
    random.shuffle(changes)
    for change in changes:
        image = change(image)
    return image


def training_image(path, side):
    """[side, side, 3] uint8."""
    image = random_resized_crop(Image.open(path).convert("RGB"), side)
    if random.random() < 0.2:
        image = image.convert("L").convert("RGB")
    image = color_jitter(image)
    if random.random() < 0.5:
        image = image.transpose(Image.FLIP_LEFT_RIGHT)
    return np.array(image)
