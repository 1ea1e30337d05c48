import pytest

from fullcircle.steps.step import command_for


@pytest.mark.parametrize(
    ("asset", "partition", "command"),
    [
        ("drawings/decoder", "line", "make run DRAWING=line"),
        ("drawings/encoder_report", "face", "make run DRAWING=face"),
        ("glyphs/train", "tifinagh", "make run SOURCE=tifinagh"),
        ("glyphs/vae", "tifinagh", "make run SOURCE=tifinagh MODELS=vae"),
        ("glyphs/vae_report", "tifinagh", "make run SOURCE=tifinagh MODELS=vae"),
    ],
)
def test_the_command_that_makes_an_asset(asset, partition, command):
    assert command_for(asset, partition) == command
