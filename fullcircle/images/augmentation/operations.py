"""The operations there are, in the order of the documentation. A new one is a class in this folder and a line here."""

from __future__ import annotations

from fullcircle.images.augmentation.colours import (
    BlackAndWhite,
    Greyscale,
    HistogramEqualisation,
    Invert,
    RandomBrightness,
    RandomColor,
    RandomContrast,
)
from fullcircle.images.augmentation.crops import CropBySize, CropCentre, CropRandom
from fullcircle.images.augmentation.distortions import GaussianDistortion, RandomDistortion
from fullcircle.images.augmentation.erasing import RandomErasing
from fullcircle.images.augmentation.flips import FlipLeftRight, FlipRandom, FlipTopBottom
from fullcircle.images.augmentation.noises import Noise
from fullcircle.images.augmentation.operation import Operation
from fullcircle.images.augmentation.rotations import Rotate, Rotate90, Rotate180, Rotate270, RotateRandom90, RotateWithoutCrop
from fullcircle.images.augmentation.shears import Shear
from fullcircle.images.augmentation.sizes import Resize, Scale
from fullcircle.images.augmentation.skews import Skew, SkewCorner, SkewLeftRight, SkewTilt, SkewTopBottom
from fullcircle.images.augmentation.zooms import Zoom, ZoomRandom

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
