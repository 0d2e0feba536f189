"""Rules about the JSON Schemas of a manifest and the values they govern."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muster.manifest.model import Manifest
from muster.manifest.problem import shown
from muster.manifest.schema import check_schema, check_value


def _schemas(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    for key, schema in _of(manifest).items():
        for cure in check_schema(schema):
            yield key, shown(schema), cure


def _config(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    schema = manifest.config_schema
    if schema is None or check_schema(schema):
        return
    for reason in check_value(manifest.config, schema):
        yield "config", shown(manifest.config), f"make it fit config_schema: {reason}"


def _params(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    schema = manifest.input_schema
    if schema is None or check_schema(schema):
        return
    for number, schedule in enumerate(manifest.schedules):
        for reason in check_value(schedule.params, schema):
            key = f"schedule[{number}].params"
            yield key, shown(schedule.params), f"make them fit input_schema: {reason}"


def _of(manifest: Manifest) -> Mapping[str, Mapping[str, Any]]:
    found = {
        "input_schema": manifest.input_schema,
        "output_schema": manifest.output_schema,
        "config_schema": manifest.config_schema,
    }
    return {key: schema for key, schema in found.items() if schema is not None}


SCHEMA_RULES = (_schemas, _config, _params)
