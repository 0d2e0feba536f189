"""Buckets: the logical ones that manifests name, and the one for large results."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import cast

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from muster.contracts import ARCHIVE_PREFIX, RESULT_PREFIX, OutputKey
from stacks.acknowledgement import acknowledge, acknowledge_wildcard
from stacks.bucket_right import BucketRight
from stacks.config import Stage
from stacks.retention import data_policy

_OBJECT_ACTIONS = {
    "read": ("s3:GetObject", "s3:GetObjectVersion"),
    "write": ("s3:PutObject", "s3:AbortMultipartUpload"),
}

#: Days that the access logs of the buckets are kept.
ACCESS_LOG_DAYS = 30

#: Days after which an overwritten or deleted object can no longer be brought back.
NONCURRENT_DAYS = 30


class StorageStack(Stack):
    """Uploads, results, and the log of who read them."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage) -> None:
        super().__init__(
            scope,
            id_,
            description=f"Muster {stage.name}: buckets",
            termination_protection=stage.keep_data,
        )
        self._access_logs = s3.Bucket(
            self,
            "AccessLogs",
            enforce_ssl=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=data_policy(stage),
            lifecycle_rules=[s3.LifecycleRule(expiration=Duration.days(ACCESS_LOG_DAYS))],
        )
        acknowledge(
            self._access_logs,
            CKV_AWS_18="It is the log of accesses itself: logging who reads it into it would never end.",
            CKV_AWS_21="S3 alone writes it, each object once, and no role may delete from it.",
        )
        self.buckets: Mapping[str, s3.IBucket] = {
            name: self._bucket(name.capitalize(), stage)
            if imported is None
            else s3.Bucket.from_bucket_name(self, name.capitalize(), imported.name)
            for name, imported in stage.buckets.items()
        }
        for bucket in self.buckets.values():
            if isinstance(bucket, s3.Bucket):
                _send_events(bucket)
        self.results = self._bucket("Results", stage)
        self._policies = {
            (right, wanted): self._policy(right, wanted)
            for wanted in (BucketRight(bucket=name) for name in self.buckets)
            for right in ("read", "write")
        }
        self._result_policy = self._write_own_results()
        self._archive_policy = self._write_archive()
        CfnOutput(self, OutputKey.RESULTS_BUCKET, value=self.results.bucket_name)
        uploads = self.buckets.get("uploads")
        if uploads is not None:
            CfnOutput(self, OutputKey.UPLOADS_BUCKET, value=uploads.bucket_name)

    def grant(self, right: str, wanted: BucketRight, role: iam.Role) -> None:
        """Let `role` `read` or `write` objects of a logical bucket.

        The rights are policies of this stack that roles share, so that a role does not grow with them.
        """
        if (right, wanted) not in self._policies:
            self._policies[right, wanted] = self._policy(right, wanted)
        role.add_managed_policy(self._policies[right, wanted])

    def grant_results(self, role: iam.Role) -> None:
        """Let `role` write results, under the prefix that its own tag `Agent` names."""
        role.add_managed_policy(self._result_policy)

    def grant_archive(self, role: iam.Role) -> None:
        """Let `role` put dead letters away beside the results, and read none of them."""
        role.add_managed_policy(self._archive_policy)

    def _policy(self, right: str, wanted: BucketRight) -> iam.ManagedPolicy:
        bucket = self.buckets[wanted.bucket]
        objects = bucket.arn_for_objects(f"{wanted.prefix}*")
        id_ = f"{right.capitalize()}{wanted.bucket.capitalize()}"
        if wanted.prefix:
            id_ += "-" + hashlib.sha256(wanted.prefix.encode()).hexdigest()[:8]
        statements = [
            iam.PolicyStatement(actions=list(_OBJECT_ACTIONS[right]), resources=[objects])
        ]
        if right == "read":
            # Without it a missing object answers "access denied".
            statements.append(
                iam.PolicyStatement(actions=["s3:ListBucket"], resources=[bucket.bucket_arn])
            )
        reason = "An agent may use every object of a bucket, or of the part of it, that it names."
        return self._managed(id_, statements, objects, reason)

    def _write_own_results(self) -> iam.ManagedPolicy:
        objects = self.results.arn_for_objects(f"{RESULT_PREFIX}${{aws:PrincipalTag/Agent}}/*")
        statement = iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects])
        reason = "Object names are job ids; the prefix is the agent's own, by the tag of its role."
        return self._managed("WriteResults", [statement], objects, reason)

    def _write_archive(self) -> iam.ManagedPolicy:
        objects = self.results.arn_for_objects(f"{ARCHIVE_PREFIX}*")
        statement = iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects])
        reason = "Archived dead letters are named by their run; the prefix is theirs alone."
        return self._managed("WriteArchive", [statement], objects, reason)

    def _managed(
        self, id_: str, statements: list[iam.PolicyStatement], objects: str, reason: str
    ) -> iam.ManagedPolicy:
        policy = iam.ManagedPolicy(
            self, id_, description=f"Muster agents: {id_}", statements=statements
        )
        acknowledge_wildcard(policy, objects, reason)
        return policy

    def _bucket(self, id_: str, stage: Stage) -> s3.Bucket:
        return s3.Bucket(
            self,
            id_,
            enforce_ssl=True,
            versioned=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix=f"{id_.lower()}/",
            removal_policy=data_policy(stage),
            lifecycle_rules=[
                s3.LifecycleRule(
                    noncurrent_version_expiration=Duration.days(NONCURRENT_DAYS),
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
        )


def _send_events(bucket: s3.Bucket) -> None:
    """Let the bucket's events reach EventBridge.

    The CDK's own switch would bring a function that does afterwards what CloudFormation can do itself.
    """
    resource = cast("s3.CfnBucket", bucket.node.default_child)
    resource.notification_configuration = s3.CfnBucket.NotificationConfigurationProperty(
        event_bridge_configuration=s3.CfnBucket.EventBridgeConfigurationProperty(
            event_bridge_enabled=True
        )
    )
