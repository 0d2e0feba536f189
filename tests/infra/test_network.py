"""Who reaches whom in the VPC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muster.safe_http import Policy
from stacks.config import STAGES, stage_named
from tests.infra.synthesis import Resource, Synthesis, agent, synthesise


def group(synthesis: Synthesis, name: str) -> Resource:
    (found,) = (g for g in synthesis.resources("AWS::EC2::SecurityGroup") if f"/{name}/" in g.path)
    return found


def egress(synthesis: Synthesis, name: str) -> list[dict[str, Any]]:
    """Every rule by which a group of functions reaches out, whichever stack adds it."""
    inline = group(synthesis, name).properties.get("SecurityGroupEgress", [])
    return [
        *inline,
        *(
            dict(rule.properties)
            for rule in synthesis.resources("AWS::EC2::SecurityGroupEgress")
            if name in str(rule.properties["GroupId"])
        ),
    ]


def reached(synthesis: Synthesis, name: str) -> set[tuple[str, object]]:
    """Destinations and ports."""
    kinds = ("DestinationPrefixListId", "DestinationSecurityGroupId", "CidrIp")
    return {
        (next(kind for kind in kinds if kind in rule), str(rule["FromPort"])[:12])
        for rule in egress(synthesis, name)
    }


def test_functions_without_egress_reach_database_endpoints_and_s3_only(cloud: Synthesis):
    found = reached(cloud, "InternalGroup")
    assert {kind for kind, _ in found} == {"DestinationPrefixListId", "DestinationSecurityGroupId"}
    assert ("DestinationPrefixListId", "443") in found
    assert len(egress(cloud, "InternalGroup")) == 3


def test_functions_with_egress_reach_the_internet_by_https_only(cloud: Synthesis):
    internet = [rule for rule in egress(cloud, "EgressGroup") if "CidrIp" in rule]
    (rule,) = internet
    assert (rule["CidrIp"], rule["FromPort"], rule["ToPort"]) == ("0.0.0.0/0", 443, 443)


def test_where_strangers_are_called_all_ports_of_web_servers_are_reached(tmp_path: Path):
    # Given a stage that was told to let its agents call strangers
    stage = stage_named("dev", allow_external_requests="yes")
    # When it is synthesised / Then the group lets out what `muster.safe_http` calls, and nothing else
    told = synthesise(stage, [], tmp_path, checked=False)
    ports = {rule["FromPort"] for rule in egress(told, "EgressGroup") if "CidrIp" in rule}
    assert ports == Policy().ports
    # And the dispatcher, which asks agents' endpoints whether they are well, stands where they are let out
    assert "EgressGroup" in _place_of_the_dispatcher(told)


def test_the_dispatcher_reaches_the_internet_only_where_anybody_may_be_called(cloud: Synthesis):
    place = _place_of_the_dispatcher(cloud)
    assert "InternalGroup" in place
    assert "Egress" not in place


def test_each_agent_runs_where_its_manifest_says(cloud: Synthesis):
    for manifest in cloud.on_lambda:
        (function,) = cloud.of_agent(manifest.id, "AWS::Lambda::Function")
        place = str(function.properties["VpcConfig"])
        internet = manifest.egress == "internet"
        assert ("EgressGroup" in place) == internet
        assert ("InternalGroup" in place) != internet
        assert ("EgressSubnet" in place) == internet


def test_the_database_is_reached_by_functions_only(cloud: Synthesis):
    rules = [
        r
        for r in cloud.resources("AWS::EC2::SecurityGroupIngress", "database")
        if "Group" in str(r.properties["GroupId"])
    ]
    sources = {str(r.properties["SourceSecurityGroupId"]) for r in rules}
    assert len(sources) == 2
    assert all("InternalGroup" in source or "EgressGroup" in source for source in sources)
    assert (
        "SecurityGroupIngress"
        not in next(g for g in cloud.resources("AWS::EC2::SecurityGroup", "database")).properties
    )


def test_no_group_takes_connections_from_everywhere(cloud: Synthesis):
    for found in cloud.resources("AWS::EC2::SecurityGroup"):
        for rule in found.properties.get("SecurityGroupIngress", []):
            assert rule.get("CidrIp") != "0.0.0.0/0", found.path


def test_subnets_without_egress_have_no_way_out(cloud: Synthesis):
    routes = cloud.resources("AWS::EC2::Route", "network")
    assert routes
    assert not any("Internal" in r.path for r in routes)


def test_nat_gateways_are_as_many_as_the_stage_says(cloud: Synthesis):
    assert cloud.stage.network is not None
    gateways = cloud.resources("AWS::EC2::NatGateway")
    assert len(gateways) == cloud.stage.network.nat_gateways


def test_endpoints_serve_this_account_only(cloud: Synthesis):
    endpoints = cloud.resources("AWS::EC2::VPCEndpoint")
    kinds = sorted(e.properties["VpcEndpointType"] for e in endpoints)
    assert kinds == ["Gateway", *["Interface"] * 6]
    for endpoint in endpoints:
        statement, *layers = endpoint.properties["PolicyDocument"]["Statement"]
        assert statement["Condition"] == {
            "StringEquals": {"aws:PrincipalAccount": {"Ref": "AWS::AccountId"}}
        }
        # The one thing that is not this account's: layers of images, which AWS keeps in a bucket of its own.
        for layer in layers:
            assert endpoint.properties["VpcEndpointType"] == "Gateway"
            assert layer["Action"] == "s3:GetObject"
            assert "starport-layer-bucket/*" in str(layer["Resource"])


def test_a_network_without_containers_has_no_endpoints_for_them(tmp_path: Path):
    functions = synthesise(
        STAGES["dev"], [agent("short")], tmp_path, checked=False, validated=False
    )
    endpoints = functions.resources("AWS::EC2::VPCEndpoint")
    assert len(endpoints) == 3
    assert not any("starport" in str(endpoint.properties) for endpoint in endpoints)


def test_each_service_runs_where_its_manifest_says(cloud: Synthesis):
    for manifest in cloud.on_fargate:
        (service,) = cloud.of_agent(manifest.id, "AWS::ECS::Service")
        place = service.properties["NetworkConfiguration"]["AwsvpcConfiguration"]
        internet = manifest.egress == "internet"
        assert ("EgressGroup" in str(place)) == ("EgressSubnet" in str(place)) == internet
        assert ("InternalGroup" in str(place)) == ("InternalSubnet" in str(place)) != internet
        assert place["AssignPublicIp"] == "DISABLED"
        assert len(place["Subnets"]) == 2


def test_the_vpc_keeps_a_flow_log(cloud: Synthesis):
    assert cloud.one("AWS::EC2::FlowLog").properties["TrafficType"] == "ALL"


def test_the_local_stage_has_no_network(synthesised: Any):
    local = synthesised("local")
    assert not any(r.body["Type"].startswith("AWS::EC2::") for r in local.everything())
    assert all("VpcConfig" not in f.properties for f in local.functions())


def test_prefix_lists_are_well_formed():
    from stacks.network import S3_PREFIX_LISTS

    assert all(id_.startswith("pl-") and len(id_) == 11 for id_ in S3_PREFIX_LISTS.values())


def _place_of_the_dispatcher(synthesis: Synthesis) -> str:
    (found,) = (
        f
        for f in synthesis.functions()
        if f.properties["Handler"] == "lambdas.scheduler.handler.handler"
    )
    return str(found.properties["VpcConfig"])
