"""The emulator with IAM in force: started by its own interpreter, which knows nothing else of ours.

    python -P local/guarded_emulator.py CALLS UNPACKED

What a role is not granted is refused, as on AWS, so that a missing grant shows on this machine. Each distinct
call of a role is appended to the file CALLS as a line of JSON: role, session, action, resource and whether it
was let through. The caller sets AUTH=true, with which the emulator checks signatures and policies.

Code and layers are unpacked once, into the folder UNPACKED, for all workers of all functions that have them:
on AWS, too, a function's own code is closed to it.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
import types
import zipfile
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

#: Calls that are noted; objects have names of their own, so there is no end to distinct ones.
_MOST = 20_000

#: A variable in the resource of a statement, which the emulator does not put in.
_VARIABLE = re.compile(r"\$\{([^}]+)\}")


class _Notes:
    """Distinct calls, one a line. Whoever moves the file away has them written down anew."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        self._noted: set[tuple[str, ...]] = set()

    def note(self, *call: str) -> None:
        if not self._path.exists():
            self._noted.clear()
        if call not in self._noted and len(self._noted) < _MOST:
            self._noted.add(call)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(call) + "\n")


def _note_calls(notes: _Notes) -> None:
    """Write down what roles call; who has no role is an administrator and may do everything."""
    from ministack.core import iam_evaluator  # pyright: ignore[reportMissingImports]  # its own environment
    from ministack.services import sts  # pyright: ignore[reportMissingImports]  # as above

    enforce = iam_evaluator.enforce

    def noting(access_key_id: str, iam_action: str, *rest: Any, **named: Any) -> Any:
        if iam_action.startswith("sqs:"):
            iam_action = iam_action.removesuffix("Batch")  # one right for both, on AWS
        refusal = enforce(access_key_id, iam_action, *rest, **named)
        principal = (sts._sessions.get(access_key_id) or {}).get("Arn", "")  # noqa: SLF001 - says who calls
        if ":assumed-role/" in principal:
            _, role, session = principal.split("/", 2)
            outcome = "allowed" if refusal is None else getattr(refusal, "decision", "unsigned")
            notes.note(role, session, iam_action, str(named.get("resource_arn", "*")), outcome)
        return refusal

    iam_evaluator.enforce = noting


def _be_as_aws() -> None:
    """Mend where the emulator's IAM sees something else than AWS's does."""
    from ministack.core import iam_evaluator  # pyright: ignore[reportMissingImports]  # its own environment

    resolve = iam_evaluator._resolve_condition_key  # noqa: SLF001 - what conditions are asked of
    first_match = iam_evaluator._first_match  # noqa: SLF001 - how statements are looked through

    def resolving(key: str, context: Any) -> Any:
        if key.lower() == "aws:securetransport":
            return "true"  # loopback plays TLS
        # The supervisor is ECS when it starts a listener: ECS says for whom it asks.
        if context.action == "sts:AssumeRole" and context.principal_type == "Root":
            match key.lower():
                case "aws:sourceaccount":
                    return context.principal_account
                case "aws:sourcearn":
                    return f"arn:aws:ecs:{context.region}:{context.principal_account}:task/listener"
        return resolve(key, context)

    def matching(context: Any, statements: list[Any], effect: str) -> Any:
        def meant(resource: str) -> str:
            return _VARIABLE.sub(
                lambda found: str(resolving(found[1], context) or found[0]), _as_arn(resource)
            )

        return first_match(
            context,
            [
                replace(s, resources=[meant(resource) for resource in s.resources])
                for s in statements
            ],
            effect,
        )

    iam_evaluator._resolve_condition_key = resolving  # noqa: SLF001 - see above
    iam_evaluator._first_match = matching  # noqa: SLF001 - see above


def _as_arn(resource: str) -> str:
    """`Ref` of a secret is its ARN on AWS, and its name in the emulator."""
    if resource.startswith(("arn:", "*")):
        return resource
    return f"arn:aws:secretsmanager:*:*:secret:{resource}-??????"


def _unpack_once(folder: Path) -> None:
    """Let workers share what they only read, and what Python compiled of it: most of a cold start's work."""
    from ministack.core import lambda_runtime  # pyright: ignore[reportMissingImports]  # its own environment

    turn = threading.Lock()

    class Shared(zipfile.ZipFile):
        @cached_property
        def place(self) -> Path:
            with Path(str(self.filename)).open("rb") as content:
                return folder / hashlib.file_digest(content, "sha256").hexdigest()

        def namelist(self) -> list[str]:
            # The emulator looks for names that lead out of its folder: once for the same content.
            return [] if self.place.exists() else super().namelist()

        def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
            with turn:
                if not self.place.exists():
                    draft = self.place.with_suffix(".draft")
                    super().extractall(draft, members, pwd)
                    draft.rename(self.place)
            Path(path).rmdir()  # the emulator made it, for this worker
            Path(path).symlink_to(self.place)
            Path(str(self.filename)).unlink()  # its copy for this worker; nobody reads it again

    lambda_runtime.zipfile = types.SimpleNamespace(**{**vars(zipfile), "ZipFile": Shared})


def main(calls: Path, unpacked: Path) -> None:
    """Run the emulator until it is killed."""
    _be_as_aws()
    _unpack_once(unpacked)
    _note_calls(_Notes(calls))
    sys.argv = ["ministack"]
    from ministack import app  # pyright: ignore[reportMissingImports]  # its own environment

    app.main()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
