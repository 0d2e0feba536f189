"""The commands of the local cloud."""

from local.commands import demo, doctor, down, env, new, status, up
from muster.cli.command import Command

COMMANDS: tuple[Command, ...] = (
    up.COMMAND,
    down.COMMAND,
    status.COMMAND,
    env.COMMAND,
    demo.COMMAND,
    new.COMMAND,
    doctor.COMMAND,
)
