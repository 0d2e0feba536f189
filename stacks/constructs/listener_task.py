"""The task definition of a listener: one container that may do little, and write only to `/tmp`."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Aws, Duration, Size
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from muster.contracts import LISTENER_CONTAINER
from muster.manifest import FARGATE_CPU, Manifest
from stacks.acknowledgement import acknowledge, acknowledge_wildcard
from stacks.config import Stage
from stacks.containers import HTTP_PORT, STOP_TIMEOUT
from stacks.listener_image import listener_image
from stacks.retention import log_group

#: What a task runs; the image's entry point takes the way to new privileges from it first.
COMMAND = ("python", "-m", "ecs_listener")

#: User and group of the image, without a name and without any right there.
USER = "10001:10001"

#: The one folder that a task may write to.
SCRATCH = "/tmp"  # noqa: S108  # a volume of the task's own, shared with nobody

_PROBE = (
    "import urllib.request as web; "
    f"web.urlopen('http://127.0.0.1:{HTTP_PORT}/health/live', timeout=4).read()"
)


class ListenerTask(Construct):
    """Task definition, its two roles and its log group."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: Stage,
        manifest: Manifest,
        folder: str,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__(scope, id_)
        self.role = _role(self, "Role", f"Muster agent {manifest.id} {manifest.version}")
        #: With which ECS starts the task, as opposed to `role`, which the task has.
        self.start_role = _role(self, "StartRole", f"Lets ECS start tasks of {manifest.id}")
        storage = manifest.ephemeral_storage
        self.definition = ecs.FargateTaskDefinition(
            self,
            "Definition",
            cpu=manifest.cpu or FARGATE_CPU,
            memory_limit_mib=manifest.memory,
            ephemeral_storage_gib=-(-storage // 1024) if storage else None,
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ecs.CpuArchitecture.ARM64
                if stage.architecture == "arm64"
                else ecs.CpuArchitecture.X86_64,
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
            task_role=self.role,
            execution_role=self.start_role,
            volumes=[ecs.Volume(name="scratch")],
        )
        self.logs = log_group(self, "Logs", stage)
        container = self._container(stage, manifest, folder, environment)
        container.add_mount_points(
            ecs.MountPoint(source_volume="scratch", container_path=SCRATCH, read_only=False)
        )
        acknowledge(
            self.definition,
            ECS2="The variables say where things are; secrets are read at run time, by their name.",
        )
        if stage.containers.image is None:
            acknowledge_wildcard(
                self.start_role,
                "*",
                "A token for the registry is given to an account, not to a repository.",
            )

    def _container(
        self, stage: Stage, manifest: Manifest, folder: str, environment: Mapping[str, str]
    ) -> ecs.ContainerDefinition:
        powers = ecs.LinuxParameters(self, "Powers", init_process_enabled=True)
        powers.drop_capabilities(ecs.Capability.ALL)
        return self.definition.add_container(
            LISTENER_CONTAINER,
            image=listener_image(stage, folder),
            command=list(COMMAND),
            environment={**manifest.env, **environment},
            user=USER,
            readonly_root_filesystem=True,
            privileged=False,
            linux_parameters=powers,
            stop_timeout=Duration.seconds(STOP_TIMEOUT),
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-c", _PROBE],
                interval=Duration.seconds(30),
                timeout=Duration.seconds(10),
                retries=3,
                start_period=Duration.seconds(60),
            ),
            logging=ecs.LogDriver.aws_logs(
                stream_prefix="listener",
                log_group=self.logs,
                # A log that cannot be written must not hold up the work.
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                max_buffer_size=Size.mebibytes(25),
            ),
        )


def _role(scope: Construct, id_: str, description: str) -> iam.Role:
    return iam.Role(
        scope,
        id_,
        description=description,
        assumed_by=iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com",
            conditions={
                "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                "ArnLike": {
                    "aws:SourceArn": f"arn:{Aws.PARTITION}:ecs:{Aws.REGION}:{Aws.ACCOUNT_ID}:*"
                },
            },
        ),
    )
