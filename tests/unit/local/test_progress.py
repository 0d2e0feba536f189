"""The CDK's many lines become the few that a person waits for."""

from __future__ import annotations

from local.progress import Progress


def _told(*lines: str) -> tuple[list[str], Progress]:
    told: list[str] = []
    progress = Progress(say=told.append)
    for line in lines:
        progress.read(line + "\n")
    return told, progress


def test_events_are_counted_and_stacks_told():
    # Given the output of a deploy of two stacks
    event = "muster-local-one | {} | 4:10:47 AM | {} | AWS::SQS::Queue | Path/Of (Id) "
    told, _ = _told(
        "✨  Synthesis time: 5.31s",
        event.format("0/3", "CREATE_IN_PROGRESS      "),
        event.format("1/3", "CREATE_COMPLETE         "),
        event.format("2/3", "CREATE_COMPLETE         "),
        "\x1b[32m ✅  muster-local-one\x1b[39m",
        "✅  muster-local-two (no changes)",
        "✅  Environment aws://000000000000/us-east-1 bootstrapped.",
    )
    # Then only stacks are told, with the number of changes
    assert told == [
        "  synthesised in 5 s",
        "  muster-local-one: 2 changes",
        "  muster-local-two: no changes",
    ]


def test_a_failed_resource_is_told_at_once():
    # Given an event of a failure
    told, _ = _told(
        "muster-local-one | 1/3 | 4:10:47 AM | CREATE_FAILED           | AWS::SQS::Queue | Path (Id) "
    )
    # Then it is told
    assert told == ["  muster-local-one: AWS::SQS::Queue CREATE_FAILED"]


def test_of_a_traceback_only_the_exception_is_repeated():
    # Given a synth that ended with a traceback
    _, progress = _told(
        "Bundling asset",
        "Traceback (most recent call last):",
        '  File "app.py", line 1, in <module>',
        "    main()",
        "ValueError: no",
        ".venv/bin/python app.py: Subprocess exited with error 1",
    )
    # When its last words are asked for
    # Then the frames are left to the log
    assert progress.last_words() == [
        "ValueError: no",
        ".venv/bin/python app.py: Subprocess exited with error 1",
    ]
