"""The database: private, encrypted, TLS only, and hard to lose."""

from __future__ import annotations

from typing import Any

from stacks.database_settings import InstanceDatabase
from tests.infra.synthesis import Synthesis


def instance(synthesis: Synthesis) -> dict[str, Any]:
    return dict(synthesis.one("AWS::RDS::DBInstance").properties)


def settings(synthesis: Synthesis) -> InstanceDatabase:
    assert isinstance(synthesis.stage.database, InstanceDatabase)
    return synthesis.stage.database


def test_it_is_private_and_encrypted(cloud: Synthesis):
    found = instance(cloud)
    assert found["StorageEncrypted"] is True
    assert found["PubliclyAccessible"] is False
    assert found["CACertificateIdentifier"] == "rds-ca-rsa2048-g1"
    assert found["EngineVersion"].startswith("17.")
    subnets = cloud.one("AWS::RDS::DBSubnetGroup").properties["SubnetIds"]
    assert len(subnets) == 2
    assert all("InternalSubnet" in str(subnet) for subnet in subnets)


def test_it_takes_tls_only_and_as_many_connections_as_the_budget_counts(cloud: Synthesis):
    parameters = cloud.one("AWS::RDS::DBParameterGroup").properties["Parameters"]
    assert parameters["rds.force_ssl"] == "1"
    assert parameters["max_connections"] == str(settings(cloud).max_connections)


def test_its_password_is_generated_complete_and_rotated(cloud: Synthesis):
    found = instance(cloud)
    assert "resolve:secretsmanager" in str(found["MasterUserPassword"])
    attachment = cloud.one("AWS::SecretsManager::SecretTargetAttachment").properties
    assert attachment["TargetType"] == "AWS::RDS::DBInstance"
    rotation = cloud.one("AWS::SecretsManager::RotationSchedule").properties
    days = settings(cloud).rotation_days
    assert rotation["RotationRules"]["ScheduleExpression"] == f"rate({days} days)"


def test_backups_and_standby_are_what_the_stage_says(cloud: Synthesis):
    found = instance(cloud)
    assert found["BackupRetentionPeriod"] == settings(cloud).backup_days
    assert found["MultiAZ"] is settings(cloud).multi_az
    assert found["MultiAZ"] is (cloud.stage.name == "prod")


def test_a_stage_that_keeps_its_data_cannot_lose_it_by_accident(cloud: Synthesis):
    keeps = cloud.stage.keep_data
    database = cloud.one("AWS::RDS::DBInstance")
    assert database.properties["DeletionProtection"] is keeps
    assert database.body["DeletionPolicy"] == ("Snapshot" if keeps else "Delete")
    protected = {
        stack.node.id.rsplit("-", 1)[-1]
        for stack in cloud.app.node.children
        if getattr(stack, "termination_protection", False)
    }
    assert protected == ({"database", "storage"} if keeps else set())


def test_its_logs_go_where_a_retention_is_set(cloud: Synthesis):
    database = cloud.one("AWS::RDS::DBInstance")
    exported = database.properties["EnableCloudwatchLogsExports"]
    groups = {
        g.properties["LogGroupName"]: g.id
        for g in cloud.resources("AWS::Logs::LogGroup", "database")
    }
    prefix = f"/aws/rds/instance/{database.properties['DBInstanceIdentifier']}"
    assert set(groups) == {f"{prefix}/{kind}" for kind in exported}
    assert set(groups.values()) <= set(database.body["DependsOn"])


def test_the_local_stage_brings_its_own(synthesised: Any):
    local = synthesised("local")
    assert not any(r.body["Type"].startswith("AWS::RDS::") for r in local.everything())
    assert "database" not in local.templates
