"""The command line's frame: exit codes, one line for what went wrong, results apart from progress."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable

import pytest

from muster.cli import main
from muster.cli.command import Command, Group
from muster.cli.context import Context
from muster.cli.errors import NotFound, UsageError
from muster.cli.exit import Exit
from muster.errors import ConfigurationError, MusterError, StoreUnavailable
from tests.support.source import ROOT


def _command(run: Callable[[Context, Namespace], Exit]) -> Command:
    return Command(name="probe", summary="a probe", run=run)


def _raising(error: BaseException) -> Command:
    def run(_context: Context, _arguments: Namespace) -> Exit:
        raise error

    return _command(run)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (MusterError("it failed"), Exit.FAILED),
        (UsageError("wrong"), Exit.USAGE),
        (ConfigurationError("wrong setting"), Exit.USAGE),
        (NotFound("no such thing"), Exit.NOT_FOUND),
        (StoreUnavailable("away"), Exit.UNAVAILABLE),
        (RuntimeError("a surprise"), Exit.FAILED),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: Exit,
):
    # Given a command that ends with an error
    # When it is run
    ended = main(["probe"], extra=[_raising(error)], environ={})
    # Then its code is the error's kind, and stderr has one line of it
    assert ended == code
    (told,) = capsys.readouterr().err.splitlines()
    assert told.startswith("muster: ")


def test_a_reader_that_has_seen_enough_is_no_failure():
    # Given a command with more to say than fits a pipe, and a reader that closes it
    script = (
        "import sys\n"
        "from muster.cli import main\n"
        "from muster.cli.command import Command\n"
        "def run(context, arguments):\n"
        "    for _ in range(100_000):\n"
        "        context.show(None, text='a line')\n"
        "sys.exit(main(['probe'], extra=[Command(name='probe', summary='', run=run)], environ={}))\n"
    )
    told, closed = os.pipe()
    os.close(told)
    # When it is run
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        stdout=closed,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(closed)
    # Then it ends well and quietly
    assert (done.returncode, done.stderr) == (Exit.OK, "")


def test_an_unexpected_error_shows_its_traceback_when_asked():
    # Given a command with a fault
    # When it is run with the switch for that
    # Then the error comes through
    with pytest.raises(ZeroDivisionError):
        main(["probe"], extra=[_raising(ZeroDivisionError())], environ={"MUSTER_DEBUG": "1"})


@pytest.mark.parametrize("argv", [["--json", "group", "probe"], ["group", "probe", "--json"]])
def test_json_may_be_asked_for_anywhere(capsys: pytest.CaptureFixture[str], argv: list[str]):
    # Given a command in a group, with progress and a result
    def run(context: Context, _arguments: Namespace) -> Exit:
        context.say("working")
        context.show({"n": 1}, text="one")
        return Exit.OK

    group = Group(name="group", summary="a group", commands=(_command(run),))
    # When JSON is asked for, before or after its name
    assert main(argv, extra=[group], environ={}) == Exit.OK
    # Then stdout is the one object, and progress is on stderr
    told = capsys.readouterr()
    assert json.loads(told.out) == {"n": 1}
    assert told.err == "working\n"


@pytest.mark.parametrize(
    "argv",
    [[], ["nope"], ["jobs"], ["jobs", "list", "--limit", "0"], ["jobs", "list", "--state", "x"]],
)
def test_a_wrong_command_line_is_usage(capsys: pytest.CaptureFixture[str], argv: list[str]):
    # Given arguments that mean nothing
    # When they are run
    with pytest.raises(SystemExit) as ended:
        main(argv, environ={})
    # Then the code is that of usage, and stdout is clean
    assert ended.value.code == Exit.USAGE
    assert capsys.readouterr().out == ""


def test_without_a_database_the_cure_is_told(capsys: pytest.CaptureFixture[str]):
    # Given an environment that names no database, and no local cloud to fall back to
    # When a command needs one
    assert main(["agents", "list"], environ={}) == Exit.USAGE
    # Then the error names the variable
    assert "DATABASE_URL" in capsys.readouterr().err


def test_the_local_clouds_environment_replaces_aws_settings_as_a_whole():
    # Given a profile of a real account, and no database named
    environ = {"AWS_PROFILE": "production", "HOME": "/home/me"}
    local = {
        "DATABASE_URL": "postgresql://u:p@127.0.0.1:1/m",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:2",
    }
    context = Context(environ=environ, fallback=lambda: local)
    # When a command asks for the database
    settings = context.database()
    # Then it gets the local one, and nothing of the profile is left beside it
    assert (settings.host, settings.port) == ("127.0.0.1", 1)
    assert environ == {"HOME": "/home/me", **local}


def test_help_loads_nothing_heavy():
    # Given the program as people start it
    script = (
        "import sys\n"
        "from local.cli import main\n"
        "sys.argv = ['muster', '--help']\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    heavy = {'boto3', 'botocore', 'psycopg2', 'jsonschema_rs', 'aws_lambda_powertools',"
        " 'aws_cdk', 'urllib.request'}\n"
        "    print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    # When it only prints its help
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # Then no library that takes long to load was loaded
    assert done.stderr.strip() == "[]"
    assert "demo" in done.stdout
