"""The runtime's commands, in the order in which `muster --help` lists them."""

from muster.cli.command import Command, Group
from muster.cli.commands import (
    agents,
    config,
    cost,
    dlq,
    instance,
    instances,
    intake,
    jobs,
    keys,
    logins,
    migrate,
    register,
    schedules,
    send,
    smoke,
    webhooks,
)

COMMANDS: tuple[Command | Group, ...] = (
    send.COMMAND,
    jobs.GROUP,
    schedules.GROUP,
    agents.GROUP,
    instances.COMMAND,
    instance.GROUP,
    config.GROUP,
    intake.GROUP,
    keys.GROUP,
    webhooks.GROUP,
    dlq.GROUP,
    register.COMMAND,
    migrate.COMMAND,
    logins.COMMAND,
    cost.COMMAND,
    smoke.COMMAND,
)
