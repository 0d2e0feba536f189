"""The deploy of the real app by the real CDK CLI into the emulator."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.aws import LocalAws
from local.checkout import Checkout
from local.emulator import ACCOUNT, REGION
from local.errors import DeployFailed, LocalCloudError
from local.process.child import Child
from local.progress import Progress
from local.stacks import failures
from muster.database_roles import DatabaseRole
from stacks.config import LOCAL_DATABASE

_BOOTSTRAP_STACK = "CDKToolkit"
#: What `cdk bootstrap` gives its template, unless told otherwise.
_BOOTSTRAP = {"FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY"}
_STAGE = "local"
#: Where the app is deployed to, for the app.
_TARGET = {"CDK_DEFAULT_ACCOUNT": ACCOUNT, "CDK_DEFAULT_REGION": REGION}
#: Resource events carry whole seconds.
_CLOCK_GRAIN = timedelta(seconds=1)
#: Keeps the CDK CLI quiet and off the network.
_QUIET = {"CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "1"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployment:
    """Deploys this checkout's app into its emulator."""

    checkout: Checkout
    aws: LocalAws
    say: Callable[[str], None]

    @property
    def log(self) -> Path:
        """Everything the CDK CLI said in the last deploy."""
        return self.checkout.logs / "deploy.log"

    def put_database_secret(self, database: Mapping[str, str | int]) -> None:
        """Tell the stacks' secret where Postgres is, in the shape RDS uses."""
        secrets = self.aws.client("secretsmanager")
        text = json.dumps(database)
        try:
            secrets.create_secret(Name=LOCAL_DATABASE, SecretString=text)
        except secrets.exceptions.ResourceExistsException:
            secrets.put_secret_value(SecretId=LOCAL_DATABASE, SecretString=text)
        for role in DatabaseRole:
            self._tell(role.secret_name(_STAGE), database)

    def _tell(self, login: str, database: Mapping[str, str | int]) -> None:
        """Tell a component's secret where Postgres is now; in a new emulator the deploy makes it first."""
        secrets = self.aws.client("secretsmanager")
        try:
            kept = json.loads(secrets.get_secret_value(SecretId=login)["SecretString"])
        except secrets.exceptions.ResourceNotFoundException:
            return
        address = {name: database[name] for name in ("host", "port", "dbname")}
        secrets.put_secret_value(SecretId=login, SecretString=json.dumps({**kept, **address}))

    def bootstrap(self) -> None:
        """Prepare the account for the CDK, once in an emulator's life, by the template of `cdk bootstrap`.

        The command itself would take seconds to start and to ask for what changes in an empty account.

        Raises:
            DeployFailed: the emulator does not take it.
        """
        from botocore.exceptions import WaiterError

        cloudformation = self.aws.client("cloudformation")
        try:
            cloudformation.describe_stacks(StackName=_BOOTSTRAP_STACK)
        except cloudformation.exceptions.ClientError:
            self.say("Bootstrapping the emulator's account")
            cloudformation.create_stack(
                StackName=_BOOTSTRAP_STACK,
                TemplateBody=self.checkout.bootstrap_template.read_text("utf-8"),
                Parameters=[
                    {"ParameterKey": n, "ParameterValue": v} for n, v in _BOOTSTRAP.items()
                ],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            created = cloudformation.get_waiter("stack_create_complete")
            try:
                created.wait(StackName=_BOOTSTRAP_STACK, WaiterConfig={"Delay": 0.1})
            except WaiterError as failed:
                raise DeployFailed(
                    f"The emulator's account is not bootstrapped: {failed}"
                ) from failed

    def deploy(self) -> None:
        """Synthesise and deploy every stack.

        Raises:
            DeployFailed: names the resource that failed and the reason.
        """
        self.say("Deploying with the CDK")
        arguments = ["deploy", "--all", "-c", "stage=local", "--require-approval", "never"]
        # Direct: no change set, which the CLI would wait five seconds a stack for.
        arguments += ["--method", "direct", "--concurrency", "4", "--asset-parallelism"]
        arguments += ["--progress", "events"]
        # What each construct was told is for AWS's statistics, and half of what the CLI reads for each event.
        arguments += ["-c", "@aws-cdk/core:enableAdditionalMetadataCollection="]
        arguments += ["--output", str(self.checkout.synthesised)]
        self._run(arguments, directory=self.checkout.root)

    def _run(self, arguments: Sequence[str], *, directory: Path) -> None:
        command = self._command(arguments)
        progress = Progress(say=self.say)
        started = datetime.now(UTC) - _CLOCK_GRAIN
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n")
            read_end, write_end = os.pipe()
            with os.fdopen(read_end, encoding="utf-8", errors="replace") as output:
                try:
                    child = Child(
                        command,
                        environment=self._environment(),
                        directory=directory,
                        output=write_end,
                    )
                finally:
                    os.close(write_end)
                try:
                    for line in output:
                        log.write(line)
                        log.flush()
                        progress.read(line)
                    code = child.process.wait()
                finally:
                    child.kill()
        if code != 0:
            raise DeployFailed(self._why(progress, started))

    def _command(self, arguments: Sequence[str]) -> list[str]:
        cdk = self.checkout.cdk
        node = shutil.which("node", path=self._environment()["PATH"])
        for program, found in (("CDK CLI", cdk.exists()), ("Node.js", node is not None)):
            if not found:
                raise LocalCloudError(f"The {program} is not installed. Run `make setup`.")
        return [str(node), str(cdk.resolve()), *arguments]

    def _environment(self) -> dict[str, str]:
        environment = self.aws.environment()
        path = os.pathsep.join([str(self.checkout.tools), environment.get("PATH", os.defpath)])
        # Without compiled code of the CDK, in both its languages, every synth would take seconds longer.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment.setdefault("NODE_COMPILE_CACHE", str(self.checkout.node_compile_cache))
        return {**environment, **_QUIET, **_TARGET, "PATH": path}

    def _why(self, progress: Progress, started: datetime) -> str:
        found = failures(self.aws, since=started)
        reasons = found or progress.last_words()
        told = "".join(f"\n  {reason}" for reason in reasons)
        return f"The deploy failed:{told}\nAll that the CDK said is in {self.log}"
