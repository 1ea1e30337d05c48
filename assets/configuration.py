"""Run configuration, derived from the library's settings.

Belongs here: turning a `Settings` class into a Dagster configuration type that refuses a bad value when the run is launched, not
when its step starts. `dagster.Config` cannot do that: its validators run inside the step.
"""

from __future__ import annotations

import dataclasses
from typing import Any, TypeVar

import dagster as dg
from dagster._config import PostProcessingError

from fullcircle.settings import Settings, SettingsError

S = TypeVar("S", bound=Settings)


def config_of(settings: type[Settings]) -> dg.Field:
    """The Dagster configuration of a settings class: its fields, defaults and descriptions, and all its rules.

    The rules are applied in `post_process`, the place that Dagster's configuration types have for validation of one's own; it
    runs wherever run configuration is validated, every launch included. Names from a list stay text with that rule: a Dagster
    enumeration would refuse a wrong one without saying which there are.
    """
    fields = {}
    for field in dataclasses.fields(settings):
        about, choices = field.metadata["about"], field.metadata["choices"]
        about += f"; one of {', '.join(choices)}" if choices else ""
        fields[field.name] = dg.Field(type(field.default), default_value=field.default, description=about)

    def validate(value: dict[str, Any]) -> dict[str, Any]:
        try:
            settings(**value)
        except SettingsError as error:
            raise PostProcessingError(str(error)) from None
        return value

    shape = dg.Shape(fields, description=f"{settings.__name__}: see fullcircle/settings.py")
    # On the instance: Dagster makes shapes through a cache that returns `Shape` itself, never a subclass.
    shape.post_process = validate  # type: ignore[method-assign]
    return dg.Field(shape)


def settings_of(settings: type[S], context: dg.AssetExecutionContext, field: str | None = None) -> S:
    """The settings that this run was launched with, or those in one field of its configuration."""
    config = context.op_execution_context.op_config
    return settings(**(config[field] if field else config))
