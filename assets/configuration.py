"""Run configuration, derived from the library's settings.

Belongs here: turning a `Settings` class into a Dagster configuration type that refuses a bad value when the run is launched, not
when its step starts. `dagster.Config` cannot do that: its validators run inside the step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

import dagster as dg

# Private, and the only such name: what a configuration type raises to refuse a value in words of its own. Without it the launch
# would show a traceback. A test holds that no other is used, and that a refusal says the rule.
from dagster._config import PostProcessingError

from fullcircle.core.settings import Settings, SettingsError, kind_of
from fullcircle.images.augmentation import OPERATIONS

_TYPES: dict[str, Any] = {
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "int | None": dg.Noneable(int),
    "float | None": dg.Noneable(float),
    "int | str": dg.Any,  # Dagster's union of scalars has no text in it; the settings' own rule refuses what is neither
}
"""Dagster's types of the settings' annotations."""


@cache
def _choice(setting: str, choices: tuple[str, ...]) -> dg.Enum:
    """Choices that the launchpad offers. They stand in the name too, the only thing that Dagster says when it refuses another."""
    return dg.Enum(f"{setting} ({' | '.join(choices)})", [dg.EnumValue(choice) for choice in choices])


def config_of(settings: type[Settings], types: Mapping[str, Any] | None = None) -> dg.Field:
    """The Dagster configuration of a settings class: its fields, defaults and descriptions, and all its rules.

    The rules are applied in `post_process`, the place that Dagster's configuration types have for validation of one's own; it
    runs wherever run configuration is validated, every launch included. Before that Dagster itself refuses what is not of a
    field's type.

    Args:
        settings: the class.
        types: Dagster's types of fields that are neither numbers nor text.
    """
    fields = {}
    for field in dataclasses.fields(settings):
        about, choices = field.metadata["about"], field.metadata["choices"]
        about += f"; one of {' | '.join(choices)}" if choices else ""
        of_field = (types or {}).get(field.name) or (
            _choice(f"{settings.section()}.{field.name}", choices) if choices else _TYPES[kind_of(field)]
        )
        default = list(field.default) if isinstance(field.default, tuple) else field.default
        given = {"is_required": True} if default is dataclasses.MISSING else {"default_value": default}
        fields[field.name] = dg.Field(of_field, description=about, **given)

    def validate(value: dict[str, Any]) -> dict[str, Any]:
        try:
            settings(**value)
        except SettingsError as error:
            raise PostProcessingError(str(error)) from None
        return value

    shape = dg.Shape(fields, description=f"{settings.section()}: {settings.summary()}")
    # On the instance: Dagster makes shapes through a cache that returns `Shape` itself, never a subclass. Classes with the same
    # fields and description would share one, and with it the rules.
    shape.post_process = validate  # type: ignore[method-assign]
    return dg.Field(shape)


def pipeline_type() -> dg.Array:
    """The Dagster configuration of a pipeline of augmentation: a list, each entry one operation and its arguments.

    From the list of operations: the launchpad completes their names and arguments and shows what each is for.
    """
    operations = {name: config_of(operation) for name, operation in OPERATIONS.items()}
    return dg.Array(dg.Selector(operations, description="One operation of the pipeline, by its name, with its arguments."))
