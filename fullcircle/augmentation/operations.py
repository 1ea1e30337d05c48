"""The operations there are, in the order of the documentation. A new one is a class in this folder and a line here."""

from __future__ import annotations

from fullcircle.augmentation.colours import (
    BlackAndWhite,
    Greyscale,
    HistogramEqualisation,
    Invert,
    RandomBrightness,
    RandomColor,
    RandomContrast,
)
from fullcircle.augmentation.crops import CropBySize, CropCentre, CropRandom
from fullcircle.augmentation.distortions import GaussianDistortion, RandomDistortion
from fullcircle.augmentation.erasing import RandomErasing
from fullcircle.augmentation.flips import FlipLeftRight, FlipRandom, FlipTopBottom
from fullcircle.augmentation.noises import Noise
from fullcircle.augmentation.operation import Operation
from fullcircle.augmentation.rotations import Rotate, Rotate90, Rotate180, Rotate270, RotateRandom90, RotateWithoutCrop
from fullcircle.augmentation.shears import Shear
from fullcircle.augmentation.sizes import Resize, Scale
from fullcircle.augmentation.skews import Skew, SkewCorner, SkewLeftRight, SkewTilt, SkewTopBottom
from fullcircle.augmentation.zooms import Zoom, ZoomRandom

OPERATIONS: dict[str, type[Operation]] = {
    o.name: o
    for o in (
        Rotate,
        RotateWithoutCrop,
        Rotate90,
        Rotate180,
        Rotate270,
        RotateRandom90,
        FlipLeftRight,
        FlipTopBottom,
        FlipRandom,
        Zoom,
        ZoomRandom,
        CropRandom,
        CropCentre,
        CropBySize,
        Scale,
        Resize,
        Skew,
        SkewLeftRight,
        SkewTopBottom,
        SkewTilt,
        SkewCorner,
        Shear,
        RandomDistortion,
        GaussianDistortion,
        RandomErasing,
        Invert,
        Greyscale,
        BlackAndWhite,
        HistogramEqualisation,
        RandomBrightness,
        RandomContrast,
        RandomColor,
        Noise,
    )
}
