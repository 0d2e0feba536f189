"""What the documents show is true: manifests parse, code runs, commands exist, links lead somewhere."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local.commands import COMMANDS as LOCAL_COMMANDS
from muster.cli.commands import COMMANDS
from muster.cli.main import _parser
from muster.manifest import load_manifest, unbuilt
from muster.model import Delivery, Message, Status
from muster.normalise import normalise
from stacks.config import DEPLOY_COMMAND, STAGES, Stage
from tests.support.emulator import session
from tests.support.gameday.aws_command import parsed
from tests.support.shown import ELSEWHERE, documents_with_commands
from tests.support.source import ROOT, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
#: Programs that a document may show besides ours.
FOREIGN = {"eval", "export"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A fenced block of a document."""

    document: str
    language: str
    text: str
    #: The heading of its section.
    section: str


def blocks(*languages: str) -> list[Block]:
    """Every fenced block in one of the languages."""
    found: list[Block] = []
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            headings = re.findall(r"^#+ (.+)$", text[: match.start()], re.MULTILINE)
            block = Block(
                document=path.relative_to(ROOT).as_posix(),
                language=match[1],
                text=match[2],
                section=headings[-1] if headings else "",
            )
            found += [block] if block.language in languages else []
    return found


def commands() -> Iterator[list[str]]:
    """Every command line that a document shows, as words."""
    for block in blocks("sh"):
        for line in block.text.splitlines():
            if line.strip() and not line.startswith("#"):
                yield shlex.split(line, comments=True)


def test_documents_show_manifests_and_code_and_commands():
    assert {block.language for block in blocks("toml", "python", "sh", "json")} == {
        "toml",
        "python",
        "sh",
        "json",
    }


@pytest.mark.parametrize("block", blocks("toml"), ids=lambda block: block.document)
def test_a_manifest_that_is_shown_is_accepted(block: Block, tmp_path: Path):
    # Given the manifest in a folder named for its agent
    [agent_id] = re.findall(r'^id = "(.+?)"', block.text, re.MULTILINE)
    folder = tmp_path / agent_id
    folder.mkdir()
    (folder / "agent.toml").write_text(block.text)
    if "image" not in block.text:
        (folder / "agent.py").write_text("")
    # When it is loaded / Then nothing is wrong with it, and what is not built yet is marked as such
    manifest = load_manifest(folder / "agent.toml")
    assert bool(unbuilt(manifest)) == block.section.endswith("(later)")


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.document)
def test_code_that_is_shown_runs(block: Block):
    exec(compile(block.text, block.document, "exec"), {"__name__": "shown"})


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.document)
def test_a_message_that_is_shown_is_understood(block: Block):
    body = json.dumps(json.loads(block.text))
    message = Message(message_id="m", receipt_handle="r", body=body)
    (understood,) = normalise(message, agent_id="any")
    assert isinstance(understood, Delivery)
    assert understood.params == {"text": "hello world"}


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_a_command_that_is_shown_exists(words: list[str]):
    program, *arguments = words
    if program == "make":
        listed = subprocess.run(
            ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert all(
            re.search(rf"^  make {name} ", listed.stdout, re.MULTILINE)
            for name in arguments
            if "=" not in name
        )
    elif program in {"muster", ".venv/bin/muster"}:
        _parser((*LOCAL_COMMANDS, *COMMANDS)).parse_args(arguments)
    elif program == "npx":
        known = {DEPLOY_COMMAND.format(stage=stage) for stage in STAGES} | {"npx cdk bootstrap"}
        assert " ".join(words) in known
    elif program == ".venv/bin/pytest":
        assert arguments == ["-q", "lambdas/agents/word-count"]  # made by `muster new` before
    elif program == "aws":
        # By AWS's own model; what stands for an object is one
        parsed([re.sub(r"^<[\w-]+>$", "{}", word) for word in arguments], client=session().client)
    elif words[:2] == [".venv/bin/python", "-m"]:
        assert (ROOT / words[2].replace(".", "/")).with_suffix(".py").is_file()
    else:
        assert program in FOREIGN


def test_every_command_that_is_shown_is_run_by_a_test():
    # Given the documents with commands; a test runs those of every one that has none of its own
    documents = documents_with_commands()
    everything = ROOT / "tests" / "integration" / "test_shown_commands.py"
    assert "documents_with_commands() if page not in ELSEWHERE" in everything.read_text("utf-8")
    # When another test is said to run them
    # Then it is there, and reads that very document; and none has two
    for document, test in ELSEWHERE.items():
        assert document in documents
        assert Path(document).name in (ROOT / test).read_text("utf-8")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path):
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert broken == []


def test_the_readme_names_every_command():
    readme = (ROOT / "README.md").read_text("utf-8")
    operate = readme[readme.index("## Operate") : readme.index("## Configuration")]
    assert {c.name for c in (*LOCAL_COMMANDS, *COMMANDS) if c.name not in operate} == {"demo"}


def test_documents_that_the_code_names_exist():
    named = {
        found
        for path in tracked_files()
        if path.suffix in {".py", ".sql", ".toml"}
        for found in re.findall(r"docs/[\w/-]+\.md", path.read_text("utf-8"))
    }
    assert named
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_property_of_a_stage_is_in_the_configuration_table():
    readme = (ROOT / "README.md").read_text("utf-8")
    described = set(re.findall(r"^\| `(\w+)` \|", readme, re.MULTILINE))
    assert described == {field.name for field in dataclasses.fields(Stage)}


def test_decisions_are_numbered_without_gaps_and_say_the_same_three_things():
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name


def test_the_glossary_is_in_order_and_knows_every_state():
    glossary = (ROOT / "docs" / "glossary.md").read_text("utf-8")
    words, states = glossary.split("## States of an execution")
    named = re.findall(r"^\| ([^|`-][^|]*?) \|", words, re.MULTILINE)[1:]
    assert named == sorted(named, key=str.lower)
    assert set(re.findall(r"^\| `(\w+)` \|", states, re.MULTILINE)) == set(Status)
