"""The HTTP API's template: one door, throttled, logged without what is private, and open to one caller."""

from __future__ import annotations

import dataclasses
import json

import pytest

from muster.errors import ConfigurationError
from stacks.api_settings import ApiSettings
from tests.infra.synthesis import Synthesis


def test_every_call_goes_to_the_one_function_with_payload_2(each: Synthesis):
    integration = each.one("AWS::ApiGatewayV2::Integration", "api")
    assert integration.properties["PayloadFormatVersion"] == "2.0"
    assert integration.properties["IntegrationType"] == "AWS_PROXY"
    assert each.one("AWS::ApiGatewayV2::Route", "api").properties["RouteKey"] == "$default"


def test_the_api_is_throttled_and_holds_no_more_connections_than_it_may(each: Synthesis):
    settings = each.stage.api
    stage = each.one("AWS::ApiGatewayV2::Stage", "api")
    assert stage.properties["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": settings.rate,
        "ThrottlingBurstLimit": settings.burst,
    }
    function = each.one("AWS::Lambda::Function", "api")
    assert function.properties["ReservedConcurrentExecutions"] == settings.concurrency
    assert function.properties["Timeout"] < 30


def test_the_access_log_says_nothing_private(each: Synthesis):
    stage = each.one("AWS::ApiGatewayV2::Stage", "api")
    logged = json.loads(stage.properties["AccessLogSettings"]["Format"])
    assert {"status", "path", "requestId"} <= logged.keys()
    told = " ".join(logged.values()).lower()
    assert not any(word in told for word in ("query", "header", "body", "authoriz"))
    assert "RetentionInDays" in str(each.resources("AWS::Logs::LogGroup", "api")[0].properties)


def test_only_this_api_may_call_the_function(each: Synthesis):
    permission = each.one("AWS::Lambda::Permission", "api")
    assert permission.properties["Principal"] == "apigateway.amazonaws.com"
    api = each.one("AWS::ApiGatewayV2::Api", "api")
    assert api.id in str(permission.properties["SourceArn"])


def test_its_address_is_an_output(each: Synthesis):
    api = each.one("AWS::ApiGatewayV2::Api", "api")
    output = each.templates["api"]["Outputs"]["ApiUrl"]
    assert output["Value"] == {"Fn::GetAtt": [api.id, "ApiEndpoint"]}


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(ApiSettings)])
def test_a_bound_of_nothing_is_refused(field: str):
    with pytest.raises(ConfigurationError, match=field):
        ApiSettings(**{field: 0})
