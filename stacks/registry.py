"""The registry's custom resources: one function, one provider; the schema is migrated here."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import custom_resources as cr
from constructs import Construct

from muster.contracts import RegisterEnvironment
from muster.manifest import Manifest, has_tables
from stacks.acknowledgement import OWN_KEYS, acknowledge, acknowledge_wildcard
from stacks.constructs.login_secrets import LoginSecrets
from stacks.constructs.python_function import NAMED_LOGS, PythonFunction
from stacks.constructs.registration import REGISTER_TIMEOUT, Migration
from stacks.packaging import ROOT, agent_folder, dependency_layer
from stacks.platform import Platform
from stacks.retention import log_group

HANDLER = "lambdas.register.handler.handler"

MIGRATIONS = ROOT / "muster" / "store" / "migrations"


class RegistryStack(Stack):
    """Migrates the schema; every stack whose functions need it depends on this one."""

    def __init__(
        self, scope: Construct, id_: str, *, platform: Platform, manifests: Sequence[Manifest]
    ) -> None:
        stage = platform.stage
        super().__init__(scope, id_, description=f"Muster {stage.name}: migration and registry")
        self.register = PythonFunction(
            self,
            "Register",
            platform=platform,
            database=platform.database,
            handler=HANDLER,
            description="Migrates the schema and registers agents, for CloudFormation",
            environment=RegisterEnvironment(
                stage=stage.name,
                database_secret=platform.database.secret_id(),
                database_tls=stage.database_tls,
                code_version=platform.code_version,
            ),
            layers=[dependency_layer(self, stage)],
            timeout=REGISTER_TIMEOUT,
            memory_mib=512,
        )
        self._read_manifests()
        logins = LoginSecrets(self, "Logins", stage=stage.name, keeper=self.register.role)
        provider = self._provider(platform)
        self.service_token = provider.service_token
        Migration(
            self,
            "Migration",
            service_token=self.service_token,
            migrations=MIGRATIONS,
            logins=logins.arns(),
            agents={agent_folder(m): ROOT / agent_folder(m) for m in manifests if has_tables(m)},
        )

    def _read_manifests(self) -> None:
        """The agents stacks hand their manifests over in the bucket of the bootstrap."""
        qualifier = self.synthesizer.bootstrap_qualifier
        bucket = f"cdk-{qualifier}-assets-{Aws.ACCOUNT_ID}-{Aws.REGION}"
        manifests = f"arn:{Aws.PARTITION}:s3:::{bucket}/*.json"
        self.register.role.add_to_policy(
            iam.PolicyStatement(actions=["s3:GetObject"], resources=[manifests])
        )
        acknowledge_wildcard(
            self.register.role,
            manifests,
            "The names of the manifests' assets are digests of their content, known only at a later deploy.",
        )

    def _provider(self, platform: Platform) -> cr.Provider:
        role = iam.Role(
            self,
            "ProviderRole",
            description="Answers CloudFormation for the register function",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        logs = log_group(self, "ProviderLogs", platform.stage)
        logs.grant_write(role)
        provider = cr.Provider(
            self,
            "Provider",
            on_event_handler=self.register.function,
            framework_on_event_role=role,
            log_group=logs,
        )
        acknowledge_wildcard(
            role,
            f"{self.register.function.function_arn}:*",
            "CDK's provider may invoke any version of the one function it forwards to.",
        )
        framework = provider.node.find_child("framework-onEvent")
        tracing = "CDK's own function; what it did is in its log and in the stack's events."
        memory = "It forwards one event; CDK's own default of 128 MiB is enough."
        waited_for = (
            "CloudFormation invokes it and waits for its answer, until the service timeout."
        )
        acknowledge(
            framework,
            LambdaTracing=tracing,
            WS1000=tracing,
            LambdaDefaultMemorySize=memory,
            ES1005=memory,
            LambdaDLQ=waited_for,
            CKV_AWS_116=waited_for,
            CKV_AWS_115="CloudFormation invokes it once for each custom resource that changes.",
            CKV_AWS_117="It calls Lambda's and CloudFormation's own addresses only, and nothing private.",
            CKV_AWS_173=OWN_KEYS,
            WS1004=NAMED_LOGS,
        )
        return provider
