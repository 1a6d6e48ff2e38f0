#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Renders labelled 32x32 RGB pictures of single characters, distorted and noisy, as uint8 NHWC arrays.

    render.py DIRECTORY [--train 5000] [--test 600] [--seed 1]

writes train_images.npy, train_labels.npy (characters in training designs), test_images.npy, test_labels.npy
(characters in designs that training never sees) and sample_images.npy, sample_labels.npy (ten a class of the
latter, drawn with a seed of their own). The numbers are pictures a class. The same arguments give the same
pictures.
"""

import argparse
import os
import sys

try:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from PIL import Image, ImageDraw, ImageFont
except ImportError as error:
    sys.exit(f"{error}; apt-get install python3-torch python3-pil python3-numpy, and use /usr/bin/python3")

import fonts

CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SIZE = 32  # pixels of a picture's side
SAMPLES_PER_CLASS = 10
TILE = 96  # pixels of the side of an undistorted character's mask
TILE_CAP = 42  # height of a capital there
# A line of text reaches further below the middle of its capitals than above it.
TILE_CENTRE = TILE / 2 - 6
BATCH = 1024


def forms_of_class(index):
    """The characters of one class: a digit alone, or both cases of a letter."""
    character = CLASSES[index]
    return [character] if character.isdigit() else [character, character.lower()]


def draw_tile(font, character):
    """The character as a mask: middle of the capitals at TILE_CENTRE, ink centred left to right."""
    top, bottom = (font.getbbox("H", anchor="ls")[i] for i in (1, 3))
    left, _, right, _ = font.getbbox(character, anchor="ls")
    tile = Image.new("L", (TILE, TILE))
    where = (round(TILE / 2 - (left + right) / 2), round(TILE_CENTRE - (top + bottom) / 2))
    ImageDraw.Draw(tile).text(where, character, font=font, fill=255, anchor="ls")
    return np.asarray(tile)


def load_font(path):
    """The font at the size at which its H is TILE_CAP high, or None when it has no readable H."""
    probe = ImageFont.truetype(path, 100)
    _, top, _, bottom = probe.getbbox("H", anchor="ls")
    if bottom - top < 20:
        return None
    return ImageFont.truetype(path, max(8, round(100 * TILE_CAP / (bottom - top))))


def tiles_of_font(path):
    """{(class, form): mask} of the characters that the font really has."""
    font = load_font(path)
    if font is None:
        return {}
    # What a font draws for a character it lacks.
    absent = {draw_tile(font, c).tobytes() for c in "\ufdd0\uffff"}
    tiles = {}
    for index in range(len(CLASSES)):
        for form, character in enumerate(forms_of_class(index)):
            tile = draw_tile(font, character)
            if int(tile.max()) > 128 and tile.tobytes() not in absent:
                tiles[index, form] = tile
    return tiles


class GlyphSource:
    """All masks of one split, to draw from: design first, then one of its fonts, then upper or lower case."""

    def __init__(self, test):
        self.tiles = []
        self.by_class = [{} for _ in CLASSES]  # design -> font -> indices into tiles
        for design, paths in fonts.designs().items():
            if fonts.is_test_design(design) != test:
                continue
            for path in paths:
                for (index, _), tile in tiles_of_font(path).items():
                    of_design = self.by_class[index].setdefault(design, {})
                    of_design.setdefault(path, []).append(len(self.tiles))
                    self.tiles.append(tile)
        self.tiles = torch.from_numpy(np.stack(self.tiles))

    def draw(self, labels, rng):
        chosen = []
        for label in labels:
            of_font = self._pick(list(self.by_class[label].values()), rng)
            chosen.append(self._pick(self._pick(list(of_font.values()), rng), rng))
        return self.tiles[torch.tensor(chosen)].float().div_(255).unsqueeze(1)

    @staticmethod
    def _pick(items, rng):
        return items[int(rng.integers(len(items)))]


class Distorter:
    """Turns masks into pictures; every random number comes from one seeded generator."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)

    def uniform(self, low, high, *shape):
        return torch.rand(shape, generator=self.generator) * (high - low) + low

    def normal(self, *shape):
        return torch.randn(shape, generator=self.generator)

    def sampling_grid(self, count, side):
        """Where each of side x side pixels looks in the tile, in grid_sample's -1..1 coordinates."""
        axis = (torch.arange(side) + 0.5) / side * 2 - 1
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        x, y = x.expand(count, -1, -1), y.expand(count, -1, -1)

        def each(low, high):
            return self.uniform(low, high, count, 1, 1)

        # Perspective, then rotation, shear and size; shifts up to two pixels of the picture.
        depth = 1 + each(-0.12, 0.12) * x + each(-0.12, 0.12) * y
        x, y = x / depth, y / depth
        angle, shear = each(-0.2, 0.2), each(-0.2, 0.2)
        # Capitals 14 to 21 pixels high: the picture's side in capitals over the tile's.
        zoom = (SIZE / torch.exp(each(np.log(14.0), np.log(21.0)))) / (TILE / TILE_CAP)
        stretch = torch.exp(each(-0.13, 0.13))
        cos, sin = torch.cos(angle), torch.sin(angle)
        u = (cos * x - sin * y + shear * y) * zoom * stretch + each(-0.12, 0.12)
        v = (sin * x + cos * y) * zoom / stretch + each(-0.12, 0.12)
        # Elastic: a smooth random field.
        field = self.normal(count, 2, 5, 5) * each(0.0, 0.035).unsqueeze(1)
        field = F.interpolate(field, size=(side, side), mode="bicubic", align_corners=True)
        return torch.stack([u + field[:, 0], v + field[:, 1]], dim=-1)

    def blur(self, masks):
        """Gaussian of 0 to 1 pixel, wider one way than the other."""
        count = masks.shape[0]
        taps = torch.arange(-3, 4).float()
        for shape in ((1, 7), (7, 1)):
            sigma = self.uniform(0.05, 1.0, count, 1)
            kernel = torch.exp(-0.5 * (taps / sigma) ** 2)
            kernel = (kernel / kernel.sum(1, keepdim=True)).reshape(count, 1, *shape)
            padding = (shape[0] // 2, shape[1] // 2)
            masks = F.conv2d(masks.transpose(0, 1), kernel, padding=padding, groups=count).transpose(0, 1)
        return masks

    def colours(self, count):
        """Ink and paper, 0..1 RGB, at least 0.25 apart in brightness."""
        weights = torch.tensor([0.299, 0.587, 0.114])
        ink, paper = torch.empty(count, 3), torch.empty(count, 3)
        left = torch.arange(count)
        while len(left):
            ink[left], paper[left] = self.uniform(0, 1, len(left), 3), self.uniform(0, 1, len(left), 3)
            left = left[((ink[left] - paper[left]) @ weights).abs() < 0.25]
        return ink.reshape(count, 3, 1, 1), paper.reshape(count, 3, 1, 1)

    def __call__(self, tiles):
        """[N,1,TILE,TILE] masks to [N,SIZE,SIZE,3] uint8 pictures."""
        count = tiles.shape[0]
        grid = self.sampling_grid(count, 2 * SIZE)
        masks = F.avg_pool2d(F.grid_sample(tiles, grid, align_corners=False), 2)
        masks = self.blur(masks).clamp(0, 1)
        ink, paper = self.colours(count)
        # Uneven paper and light.
        clouds = self.normal(count, 3, 4, 4) * self.uniform(0, 0.08, count, 1, 1, 1)
        paper = paper + F.interpolate(clouds, size=(SIZE, SIZE), mode="bicubic", align_corners=True)
        picture = paper + masks * (ink - paper)
        picture = picture + self.normal(count, 3, SIZE, SIZE) * self.uniform(0, 0.08, count, 1, 1, 1)
        return (picture.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def render(source, per_class, seed):
    """(images, labels), per_class of each class, shuffled."""
    rng = np.random.default_rng(seed)
    distort = Distorter(seed)
    labels = rng.permutation(np.repeat(np.arange(len(CLASSES)), per_class))
    images = np.empty((len(labels), SIZE, SIZE, 3), np.uint8)
    for start in range(0, len(labels), BATCH):
        tiles = source.draw(labels[start : start + BATCH], rng)
        images[start : start + BATCH] = distort(tiles).numpy()
    return images, labels.astype(np.uint8)


def main():
    parser = argparse.ArgumentParser(description="Renders the glyph dataset.")
    parser.add_argument("directory")
    parser.add_argument("--train", type=int, default=5000, help="training pictures a class")
    parser.add_argument("--test", type=int, default=600, help="test pictures a class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.makedirs(options.directory, exist_ok=True)

    train, test = GlyphSource(test=False), GlyphSource(test=True)
    jobs = [
        ("sample", test, SAMPLES_PER_CLASS, 2),
        ("test", test, options.test, 1),
        ("train", train, options.train, 0),
    ]
    for name, source, per_class, salt in jobs:
        images, labels = render(source, per_class, 3 * options.seed + salt)
        np.save(os.path.join(options.directory, f"{name}_images.npy"), images)
        np.save(os.path.join(options.directory, f"{name}_labels.npy"), labels)
        print(f"{name}: {len(labels)} pictures of {len(source.tiles)} glyphs")


if __name__ == "__main__":
    main()
