"""Invented scenes, drawn by arithmetic: landscapes of noise, test cards, fractals, shapes. Nothing is photographed.

Every scene is laid over a field of broad noise of its own, so that two scenes differ in all the spatial frequencies
that a perceptual hash looks at, and so that a small caption does not drown what is beneath it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from headwater_synth.seeds import stream

__all__ = ["SCENE_KINDS", "Scene", "drawn_flat", "drawn_scene"]

Field = npt.NDArray[np.float32]

_STRUCTURE_PERCENT = 55  # the rest is the scene's own noise field
_CANVAS_MARGIN = 1.12  # the canvas is larger than the frame, so that a video can move over it
_MOVE_PER_SECOND = 0.008  # of the frame's width: slow enough that neighbouring seconds look alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One invented view, larger than the frames taken from it.

    Attributes:
        kind: Which of `SCENE_KINDS` it is.
        width_px: Width of a frame.
        height_px: Height of a frame.
        canvas: The whole view.
        heading_rad: Direction in which a video moves over it.
    """

    kind: str
    width_px: int
    height_px: int
    canvas: Image.Image
    heading_rad: float

    def frame(self, at_s: float = 0.0) -> Image.Image:
        """The view at a moment; a still is the view at 0 seconds."""
        spare_x = self.canvas.width - self.width_px
        spare_y = self.canvas.height - self.height_px
        moved = at_s * _MOVE_PER_SECOND * self.width_px
        left = min(max(spare_x / 2 + math.cos(self.heading_rad) * moved, 0.0), float(spare_x))
        top = min(max(spare_y / 2 + math.sin(self.heading_rad) * moved, 0.0), float(spare_y))
        box = (left, top, left + self.width_px, top + self.height_px)
        return self.canvas.resize((self.width_px, self.height_px), Image.Resampling.BILINEAR, box=box)


def drawn_scene(seed: int, *names: str | int, width_px: int, height_px: int) -> Scene:
    """The scene of that name; the same name always gives the same picture.

    Args:
        seed: Seed of the whole seizure.
        names: What tells this scene from the others.
        width_px: Width of a frame.
        height_px: Height of a frame.
    """
    rng = stream(seed, "scene", *names)
    kind, structure = rng.choice(_DRAWERS)
    width, height = round(width_px * _CANVAS_MARGIN), round(height_px * _CANVAS_MARGIN)
    picture = np.asarray(structure(rng, width, height).convert("RGB"), dtype=np.float32)
    noise = _coloured(rng, _noise(rng, width, height))
    share = np.float32(_STRUCTURE_PERCENT / 100)
    mixed = picture * share + noise * (1 - share)
    canvas = Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8), "RGB")
    return Scene(
        kind=kind,
        width_px=width_px,
        height_px=height_px,
        canvas=canvas,
        heading_rad=rng.random() * 2 * math.pi,
    )


def drawn_flat(seed: int, *names: str | int, width_px: int, height_px: int) -> Image.Image:
    """A nearly even surface, as of a covered lens: a perceptual hash of it means nothing."""
    rng = stream(seed, "flat", *names)
    shade = rng.randrange(8, 60)
    ramp = np.linspace(0, rng.randrange(2, 7), width_px, dtype=np.float32)
    plane = np.repeat(ramp[None, :, None] + shade, height_px, axis=0)
    tinted = plane * np.asarray([rng.uniform(0.8, 1.0) for _ in range(3)], dtype=np.float32)
    return Image.fromarray(tinted.astype(np.uint8), "RGB")


def _grid(rng: random.Random, columns: int, rows: int) -> Field:
    """Evenly random values from 0 to 1; bytes are the same with every version of numpy."""
    levels = np.frombuffer(rng.randbytes(columns * rows), dtype=np.uint8).astype(np.float32)
    return levels.reshape(rows, columns) / np.float32(255)


def _stretched(values: Field, width: int, height: int) -> Field:
    plane = Image.fromarray(values.astype(np.float32), "F").resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(plane, dtype=np.float32)


def _noise(rng: random.Random, width: int, height: int) -> Field:
    """Noise from 0 to 1 with about as much in every frequency that PDQ keeps, and less above."""
    total: Field = np.zeros((height, width), dtype=np.float32)
    for cells, weight in ((5, 0.6), (9, 1.0), (14, 1.0), (20, 0.9), (48, 0.25)):
        total += np.float32(weight) * (_stretched(_grid(rng, cells, cells), width, height) - np.float32(0.5))
    low, high = float(total.min()), float(total.max())
    return (total - np.float32(low)) / np.float32(high - low)


def _colour(rng: random.Random) -> tuple[int, int, int]:
    return rng.randrange(256), rng.randrange(256), rng.randrange(256)


def _coloured(rng: random.Random, values: Field) -> Field:
    """The values as a path from a dark colour over a middle one to a light one."""
    dark = np.asarray([rng.randrange(0, 50) for _ in range(3)], dtype=np.float32)
    middle = np.asarray([rng.randrange(60, 190) for _ in range(3)], dtype=np.float32)
    light = np.asarray([rng.randrange(205, 256) for _ in range(3)], dtype=np.float32)
    lower = np.clip(values * 2, 0, 1)[..., None]
    upper = np.clip(values * 2 - 1, 0, 1)[..., None]
    coloured: Field = dark + (middle - dark) * lower + (light - middle) * upper
    return coloured


def _from_field(rng: random.Random, values: Field) -> Image.Image:
    return Image.fromarray(_coloured(rng, values).astype(np.uint8), "RGB")


def _landscape(rng: random.Random, width: int, height: int) -> Image.Image:
    picture = _from_field(rng, np.repeat(np.linspace(1, 0.3, height, dtype=np.float32)[:, None], width, axis=1))
    draw = ImageDraw.Draw(picture)
    x, y, radius = rng.randrange(width), rng.randrange(height // 3), rng.randrange(width // 20, width // 8)
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_colour(rng))
    for ridge in range(rng.randrange(3, 6)):
        rise = _stretched(_grid(rng, rng.randrange(4, 14), 1), width, 1)[0] * height * 0.45
        base = height * (0.35 + 0.15 * ridge)
        outline = [(column, int(base - rise[column] + height * 0.2)) for column in range(0, width, 3)]
        draw.polygon([(0, height), *outline, (width, height)], fill=_colour(rng))
    return picture


def _test_card(rng: random.Random, width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height), _colour(rng))
    draw = ImageDraw.Draw(picture)
    bars = rng.randrange(5, 10)
    for bar in range(bars):
        draw.rectangle((bar * width // bars, 0, (bar + 1) * width // bars, height // 3), fill=_colour(rng))
    columns, rows = rng.randrange(8, 15), rng.randrange(4, 9)
    for row in range(rows):
        for column in range(columns):
            left, top = column * width // columns, height // 3 + row * height * 2 // (3 * rows)
            shade = rng.randrange(256)
            draw.rectangle((left, top, left + width // columns, top + height // rows), fill=(shade, shade, shade))
    radius = height * rng.uniform(0.2, 0.4)
    centre_x, centre_y = width * rng.uniform(0.3, 0.7), height * rng.uniform(0.4, 0.6)
    for step in range(3):
        reach = radius * (1 - step / 4)
        box = (centre_x - reach, centre_y - reach, centre_x + reach, centre_y + reach)
        draw.ellipse(box, outline=_colour(rng), width=max(2, width // 60))
    draw.text((width * 0.05, height * 0.36), f"TEST CARD {rng.randrange(100, 1000)}", font=ImageFont.load_default())
    return picture


def _shapes(rng: random.Random, width: int, height: int) -> Image.Image:
    picture = Image.new("RGB", (width, height), _colour(rng))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randrange(35, 70)):
        x, y, reach = rng.randrange(width), rng.randrange(height), rng.randrange(width // 24, width // 6)
        form = rng.randrange(3)
        if form == 0:
            draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=_colour(rng))
        elif form == 1:
            draw.rectangle((x, y, x + reach, y + rng.randrange(8, reach + 9)), fill=_colour(rng))
        else:
            corners = [(x + rng.randrange(-reach, reach), y + rng.randrange(-reach, reach)) for _ in range(3)]
            draw.polygon(corners, fill=_colour(rng))
    return picture


def _fractal(rng: random.Random, width: int, height: int) -> Image.Image:
    """A Julia set near the edge of the Mandelbrot set's main bulb, seen off its centre."""
    angle = rng.random() * 2 * math.pi
    edge = complex(math.cos(angle), math.sin(angle)) / 2 - complex(math.cos(2 * angle), math.sin(2 * angle)) / 4
    constant = edge * rng.uniform(1.02, 1.08)
    span = rng.uniform(1.0, 2.2)
    middle_x, middle_y = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6)
    rows, columns = 150, 200
    x = np.linspace(middle_x - span / 2, middle_x + span / 2, columns)
    y = np.linspace(middle_y - span / 2, middle_y + span / 2, rows)
    z = x[None, :] + 1j * y[:, None]
    steps: Field = np.zeros((rows, columns), dtype=np.float32)
    for _ in range(40):
        inside = np.abs(z) < 4
        z = np.where(inside, z * z + constant, z)
        steps += inside
    return _from_field(rng, _stretched(np.mod(steps * np.float32(0.11), 1), width, height).clip(0, 1))


def _waves(rng: random.Random, width: int, height: int) -> Image.Image:
    x = np.linspace(0, 2 * math.pi, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 2 * math.pi, height, dtype=np.float32)[:, None]
    total: Field = np.zeros((height, width), dtype=np.float32)
    for _ in range(14):
        along, across, phase = rng.uniform(-7, 7), rng.uniform(-7, 7), rng.uniform(0, 2 * math.pi)
        total += np.sin(np.float32(along) * x + np.float32(across) * y + np.float32(phase))
    return _from_field(rng, (np.clip(total, -6, 6) + 6) / np.float32(12))


def _mosaic(rng: random.Random, width: int, height: int) -> Image.Image:
    columns, rows = rng.randrange(12, 24), rng.randrange(9, 18)
    tiles = np.frombuffer(rng.randbytes(columns * rows * 3), dtype=np.uint8).reshape(rows, columns, 3)
    return Image.fromarray(tiles, "RGB").resize((width, height), Image.Resampling.NEAREST)


_DRAWERS: tuple[tuple[str, Callable[[random.Random, int, int], Image.Image]], ...] = (
    ("landscape", _landscape),
    ("test_card", _test_card),
    ("shapes", _shapes),
    ("fractal", _fractal),
    ("waves", _waves),
    ("mosaic", _mosaic),
)

SCENE_KINDS: tuple[str, ...] = tuple(kind for kind, _ in _DRAWERS)
"""The kinds of scene there are."""
