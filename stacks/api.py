"""The HTTP API: API Gateway in front of one function, which knows its routes and asks for keys itself."""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

import json
from collections.abc import Sequence

from aws_cdk import CfnOutput, Duration, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from muster.contracts import ApiEnvironment, OutputKey
from muster.database_roles import DatabaseRole
from muster.manifest import Manifest
from stacks.acknowledgement import OWN_KEYS, acknowledge
from stacks.alerts import Alerts, page_of
from stacks.constructs.hook_secrets import HookSecrets
from stacks.constructs.python_function import PythonFunction
from stacks.constructs.watched import Watched
from stacks.packaging import dependency_layer
from stacks.platform import Platform
from stacks.retention import log_group
from stacks.secret_right import let_read
from stacks.storage import StorageStack
from stacks.watches import function as functions
from stacks.watches.api import api as of_api

HANDLER = "lambdas.api.handler.handler"

#: API Gateway waits for 30 s at most; a caller hears of an absent database well before.
TIMEOUT = Duration.seconds(29)

#: What the access log says of a call: neither query nor headers, since keys and data travel there.
_ACCESS_LOG = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "milliseconds": "$context.responseLatency",
    "address": "$context.identity.sourceIp",
    "error": "$context.integrationErrorMessage",
}


class ApiStack(Stack):
    """Function, API, its throttling, its access log and its alarms."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        platform: Platform,
        manifests: Sequence[Manifest],
        storage: StorageStack,
        alerts: Alerts,
    ) -> None:
        stage = platform.stage
        super().__init__(scope, id_, description=f"Muster {stage.name}: HTTP API")
        self._platform = platform
        signing = self._token_key()
        answering = self._answering(signing, storage)
        self.role = answering.role
        let_read(self, self.role, signing)
        HookSecrets(self, "Hooks", stage=stage.name, manifests=manifests, reader=self.role)
        storage.grant_archive(self.role)
        api = apigateway.HttpApi(
            self,
            "Api",
            description=f"Muster {stage.name}",
            create_default_stage=False,
            default_integration=integrations.HttpLambdaIntegration("Answer", answering.function),
        )
        self._serve(api)
        acknowledge(
            api.node.find_child("DefaultRoute"),
            APIG4="The function asks for a key or a signature itself, and refuses what has none.",
        )
        self._watch(api, answering.function.function_name, alerts)
        CfnOutput(self, OutputKey.API_URL, value=api.api_endpoint)

    def _token_key(self) -> secretsmanager.Secret:
        name = self._platform.stage.name
        key = secretsmanager.Secret(
            self,
            "TokenKey",
            description=f"Muster {name}: signs the short-lived tokens of the HTTP API",
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template="{}",  # noqa: S106 - what the secret is put into
                generate_string_key="key",
                password_length=64,
                exclude_punctuation=True,
            ),
        )
        acknowledge(
            key,
            SMG4="Its tokens live for minutes; docs/guides/keys.md says how to rotate it without ending any.",
            CKV_AWS_149=OWN_KEYS,
        )
        return key

    def _answering(self, signing: secretsmanager.Secret, storage: StorageStack) -> PythonFunction:
        stage, database = self._platform.stage, self._platform.access(DatabaseRole.API)
        return PythonFunction(
            self,
            "Answering",
            platform=self._platform,
            database=database,
            handler=HANDLER,
            description="Answers the HTTP API",
            environment=ApiEnvironment(
                stage=stage.name,
                database_secret=database.secret_id(),
                database_tls=stage.database_tls,
                code_version=self._platform.code_version,
                key_rate=str(stage.api.key_rate),
                key_burst=str(stage.api.key_burst),
                token_secret=signing.secret_arn,
                hook_rate=str(stage.api.hook_rate),
                hook_burst=str(stage.api.hook_burst),
                results_bucket=storage.results.bucket_name,
            ),
            layers=[dependency_layer(self, stage)],
            timeout=TIMEOUT,
            memory_mib=512,
            concurrency=stage.api.concurrency,
        )

    def _watch(self, api: apigateway.HttpApi, name: str, alerts: Alerts) -> None:
        stage = self._platform.stage
        Watched(
            self,
            "Alarms",
            owner=f"The HTTP API ({stage.name})",
            watches=(
                *of_api(api.api_id),
                functions.throttles(name),
                functions.concurrency(name, most=stage.api.concurrency),
            ),
            alerts=alerts,
            quiet_while=page_of(stage.name, "dispatcher"),
        )

    def _serve(self, api: apigateway.HttpApi) -> None:
        stage = self._platform.stage
        logs = log_group(self, "AccessLogs", stage)
        apigateway.CfnStage(
            self,
            "Served",
            api_id=api.api_id,
            stage_name="$default",
            auto_deploy=True,
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=stage.api.rate,
                throttling_burst_limit=stage.api.burst,
            ),
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=logs.log_group_arn, format=json.dumps(_ACCESS_LOG)
            ),
        )
