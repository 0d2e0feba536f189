"""`muster new`: an agent's folder that works as it is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from local.agent_template import COMPUTES
from muster.cli.command import Command
from muster.cli.context import Context
from muster.cli.exit import Exit

_TEXT = "hello world"


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="its id, and its folder's name")
    parser.add_argument(
        "--compute",
        choices=COMPUTES,
        default=COMPUTES[0],
        help="a function, or a service for long jobs (default: %(default)s)",
    )
    parser.add_argument(
        "--schedule",
        metavar="WHEN",
        help="start jobs by itself: five fields of cron, or a duration such as 15m",
    )


def _run(context: Context, arguments: Namespace) -> Exit:
    from local.checkout import Checkout
    from local.new_agent import NewAgent
    from stacks.config import STAGES

    checkout = Checkout.locate()
    name = arguments.name
    homes = dict.fromkeys(root for stage in STAGES.values() for root in stage.agent_roots)
    made = NewAgent(
        root=checkout.root,
        name=name,
        compute=arguments.compute,
        schedule=arguments.schedule,
        homes=tuple(homes),
    ).make()
    files = [path.relative_to(checkout.root).as_posix() for path in made]
    folder = files[0].rpartition("/")[0]
    following = [
        f".venv/bin/pytest -q {folder}",
        ".venv/bin/muster up",
        f'.venv/bin/muster send {name} --params \'{{"text": "{_TEXT}"}}\'',
        f".venv/bin/muster jobs list --agent {name}",
    ]
    lines = ["Made", *(f"  {file}" for file in files), "Try next:", *(f"  {c}" for c in following)]
    context.show(
        {"agent": name, "folder": folder, "files": files, "next": following}, text="\n".join(lines)
    )
    return Exit.OK


COMMAND = Command(
    name="new", summary="make an agent: manifest, function and test", arguments=_arguments, run=_run
)
