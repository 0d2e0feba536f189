"""Postgres on RDS, and how functions are let in to whichever Postgres the stage has."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_rds as rds
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.acknowledgement import OWN_KEYS, acknowledge
from stacks.alerts import Alerts, page_of
from stacks.config import Stage
from stacks.constructs.watched import Watched
from stacks.database_settings import InstanceDatabase
from stacks.network import NetworkStack
from stacks.retention import log_group
from stacks.secret_right import let_read
from stacks.watches.database import database as of_database

DATABASE_NAME = "muster"


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseAccess:
    """The way in: the secret of our own database, or the name of an external one's."""

    secret: secretsmanager.ISecret | str

    def secret_id(self) -> str:
        """What a function asks Secrets Manager for: an ARN or a name."""
        return self.secret if isinstance(self.secret, str) else self.secret.secret_arn

    def grant(self, scope: Construct, grantee: iam.IGrantable) -> None:
        """Let `grantee` read the secret; the network lets it reach the database."""
        let_read(scope, grantee, self.secret)


class DatabaseStack(Stack):
    """One RDS instance: encrypted, private, TLS only, backed up."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: Stage,
        settings: InstanceDatabase,
        network: NetworkStack,
        alerts: Alerts,
    ) -> None:
        super().__init__(
            scope,
            id_,
            description=f"Muster {stage.name}: database",
            termination_protection=stage.keep_data,
        )
        engine = rds.DatabaseInstanceEngine.postgres(version=rds.PostgresEngineVersion.VER_17_9)
        parameters = rds.ParameterGroup(
            self,
            "Parameters",
            engine=engine,
            description="TLS only; as many connections as the stage's budget says",
            parameters={
                "rds.force_ssl": "1",
                "max_connections": str(settings.max_connections),
                # A session that died in a transaction must not hold its locks.
                "idle_in_transaction_session_timeout": "60000",
            },
        )
        logs = [
            log_group(self, f"Logs{kind.capitalize()}", stage, name=f"{_log_prefix(stage)}/{kind}")
            for kind in ("postgresql", "upgrade")
        ]
        group = ec2.SecurityGroup(
            self, "Group", vpc=network.vpc, description="Postgres", allow_all_outbound=False
        )
        credentials = rds.DatabaseSecret(self, "Secret", username="muster", dbname=DATABASE_NAME)
        acknowledge(credentials, CKV_AWS_149=OWN_KEYS)
        self.instance = rds.DatabaseInstance(
            self,
            "Instance",
            instance_identifier=_identifier(stage),
            engine=engine,
            instance_type=ec2.InstanceType(settings.instance_class),
            vpc=network.vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_group_name="Internal"),
            security_groups=[group],
            database_name=DATABASE_NAME,
            credentials=rds.Credentials.from_secret(credentials),
            parameter_group=parameters,
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            storage_type=rds.StorageType.GP3,
            allocated_storage=settings.storage_gib,
            max_allocated_storage=settings.max_storage_gib,
            storage_encrypted=True,
            multi_az=settings.multi_az,
            publicly_accessible=False,
            iam_authentication=True,
            auto_minor_version_upgrade=True,
            backup_retention=Duration.days(settings.backup_days),
            copy_tags_to_snapshot=True,
            cloudwatch_logs_exports=["postgresql", "upgrade"],
            deletion_protection=stage.keep_data,
            removal_policy=RemovalPolicy.SNAPSHOT if stage.keep_data else RemovalPolicy.DESTROY,
        )
        # Made before the instance, which would otherwise make them without a retention.
        self.instance.node.add_dependency(*logs)
        acknowledge(
            self.instance,
            RDS11="The port is no secret: only the functions' security groups reach the instance.",
            CKV_AWS_118="The alarms watch what RDS tells by itself; processes of its host would cost.",
        )
        if not settings.multi_az:
            traded = "This stage trades the standby for half the price; backups restore it."
            acknowledge(self.instance, RDS3=traded, CKV_AWS_157=traded)
        if not stage.keep_data:
            acknowledge(
                self.instance,
                RDS10="A stage whose data need not be kept is deleted with one command.",
            )
        functions = network.function_groups(self)
        for function in functions:
            self.instance.connections.allow_default_port_from(function, "Functions to Postgres")
        self.instance.add_rotation_single_user(
            automatically_after=Duration.days(settings.rotation_days),
            vpc_subnets=network.placement("none").subnets,
            security_group=functions[0],
        )
        self.access = DatabaseAccess(secret=credentials)
        Watched(
            self,
            "Alarms",
            owner=f"The database ({stage.name})",
            watches=of_database(settings, instance=_identifier(stage)),
            alerts=alerts,
            name=page_of(stage.name, "database"),
        )


def _identifier(stage: Stage) -> str:
    """A name of our own, since the log groups are named after it."""
    return f"muster-{stage.name}"


def _log_prefix(stage: Stage) -> str:
    return f"/aws/rds/instance/{_identifier(stage)}"
