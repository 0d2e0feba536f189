"""The AWS command line's own form, as far as runbooks use it, by AWS's model of its services.

A runbook's `aws sqs create-queue --queue-name q` is held against the names of service, operation and
parameters that AWS itself publishes, and then done by the SDK: nobody needs the AWS CLI for a game.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any


def run(arguments: Sequence[str], *, client: Callable[[str], Any]) -> dict[str, Any]:
    """Do what `aws` followed by these arguments does.

    Raises:
        ValueError: AWS knows no such operation or parameter.
    """
    method, given = parsed(arguments, client=client)
    answer: dict[str, Any] = getattr(client(arguments[0]), method)(**given)
    answer.pop("ResponseMetadata", None)
    return answer


def parsed(arguments: Sequence[str], *, client: Callable[[str], Any]) -> tuple[str, dict[str, Any]]:
    """Name of the SDK's method, and its parameters.

    Raises:
        ValueError: AWS knows no such operation or parameter, or a value has another form.
    """
    service, command, *options = arguments
    sdk = client(service)
    method = command.replace("-", "_")
    names: dict[str, str] = {
        _dashed(name): name for name in sdk.meta.method_to_api_mapping.values()
    }
    if command not in names:
        raise ValueError(f"aws {service} has no command {command}")
    model = sdk.meta.service_model.operation_model(names[command]).input_shape.members
    known = {_dashed(name): name for name in model}
    given: dict[str, Any] = {}
    while options:
        option = options.pop(0)
        name = option.removeprefix("--")
        on = name.removeprefix("no-") in known and model[known[name.removeprefix("no-")]]
        if on and on.type_name == "boolean":
            given[known[name.removeprefix("no-")]] = not name.startswith("no-")
            continue
        if not option.startswith("--") or name not in known or not options:
            raise ValueError(f"aws {service} {command}: {option} is no parameter with a value")
        given[known[name]] = _value(options.pop(0), model[known[name]])
    return method, given


def _dashed(name: str) -> str:
    from botocore import xform_name

    return xform_name(name, "-")


def _value(text: str, shape: Any) -> Any:
    kind = shape.type_name
    if kind in ("structure", "map", "list") and text.lstrip().startswith(("{", "[")):
        return json.loads(text)
    if kind in ("structure", "map"):
        return dict(part.split("=", 1) for part in text.split(","))
    if kind == "list":
        return text.split(",")
    return int(text) if kind in ("integer", "long") else text
