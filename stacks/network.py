"""The VPC: who may reach what.

Functions without `egress` sit in subnets that have no route to the internet, and their security group
reaches only the database (whose stack adds that rule), the interface endpoints and S3.
"""

# jsii's classes and interfaces name parameters differently, so no class fits its own interface.
# pyright: reportArgumentType=false

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Aws, CfnMapping, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.config import NetworkSettings, Stage
from stacks.retention import log_group

#: AWS's own prefix list of S3 in each region (`aws ec2 describe-prefix-lists`). A deploy to a region that
#: is not here fails with "Unable to get mapping for S3PrefixLists": add its line.
S3_PREFIX_LISTS: Mapping[str, str] = {
    "ap-northeast-1": "pl-61a54008",
    "ap-northeast-2": "pl-78a54011",
    "ap-northeast-3": "pl-a4a540cd",
    "ap-south-1": "pl-78a54011",
    "ap-southeast-1": "pl-6fa54006",
    "ap-southeast-2": "pl-6ca54005",
    "ca-central-1": "pl-7da54014",
    "eu-central-1": "pl-6ea54007",
    "eu-north-1": "pl-c3aa4faa",
    "eu-west-1": "pl-6da54004",
    "eu-west-2": "pl-7ca54015",
    "eu-west-3": "pl-23ad484a",
    "sa-east-1": "pl-6aa54003",
    "us-east-1": "pl-63a5400a",
    "us-east-2": "pl-7ba54012",
    "us-west-1": "pl-6ba54002",
    "us-west-2": "pl-68a54001",
}


#: Interface endpoints of every VPC, by the name of their construct.
_FOR_FUNCTIONS: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {
    "Sqs": ec2.InterfaceVpcEndpointAwsService.SQS,
    "SecretsManager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
}

#: What starts a container, takes its log and tells it of deployments: a function has that from Lambda.
_FOR_CONTAINERS: Mapping[str, ec2.InterfaceVpcEndpointAwsService] = {
    "Registry": ec2.InterfaceVpcEndpointAwsService.ECR,
    "Images": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
    "Ecs": ec2.InterfaceVpcEndpointAwsService.ECS,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Placement:
    """Where in a VPC a function runs, and what it may reach from there."""

    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    security_group: ec2.ISecurityGroup


class NetworkStack(Stack):
    """VPC, endpoints and the security groups of functions and database."""

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        stage: Stage,
        settings: NetworkSettings,
        containers: bool = False,
    ) -> None:
        super().__init__(scope, id_, description=f"Muster {stage.name}: network")
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(settings.cidr),
            max_azs=settings.zones,
            nat_gateways=settings.nat_gateways,
            # Its custom resource would need rights that outweigh an unused group without rules.
            restrict_default_security_group=False,
            subnet_configuration=[
                _subnet("Public", ec2.SubnetType.PUBLIC, 24),
                _subnet("Egress", ec2.SubnetType.PRIVATE_WITH_EGRESS, 20),
                _subnet("Internal", ec2.SubnetType.PRIVATE_ISOLATED, 20),
            ],
        )
        self._flow_log(stage)
        self._endpoints_group = self._group("EndpointsGroup", "Interface endpoints")
        self._s3 = CfnMapping(
            self,
            "S3PrefixLists",
            mapping={region: {"id": id_} for region, id_ in S3_PREFIX_LISTS.items()},
        ).find_in_map(Aws.REGION, "id")
        self._internal = self._function_group("InternalGroup", "Functions without egress")
        self._egress = self._function_group("EgressGroup", "Functions that reach the internet")
        for port in stage.outbound.open_ports():
            self._egress.add_egress_rule(
                ec2.Peer.any_ipv4(), ec2.Port.tcp(port), f"Port {port} of the internet"
            )
        self._endpoints(containers=containers)

    def placement(self, egress: str) -> Placement:
        """Place of a function whose manifest says `egress`: `none` or `internet`."""
        internet = egress == "internet"
        return Placement(
            vpc=self.vpc,
            subnets=ec2.SubnetSelection(subnet_group_name="Egress" if internet else "Internal"),
            security_group=self._egress if internet else self._internal,
        )

    def function_groups(self, scope: Construct) -> list[ec2.ISecurityGroup]:
        """The functions' groups, for rules that belong to another stack: without, then with egress."""
        return [
            ec2.SecurityGroup.from_security_group_id(
                scope, group.node.id, group.security_group_id, allow_all_outbound=False
            )
            for group in (self._internal, self._egress)
        ]

    def _group(self, id_: str, description: str) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, id_, vpc=self.vpc, description=description, allow_all_outbound=False
        )

    def _function_group(self, id_: str, description: str) -> ec2.SecurityGroup:
        group = self._group(id_, description)
        group.connections.allow_to(
            self._endpoints_group, ec2.Port.tcp(443), f"{description} to the endpoints"
        )
        group.add_egress_rule(
            ec2.Peer.prefix_list(self._s3), ec2.Port.tcp(443), "S3 in this region"
        )
        return group

    def _endpoints(self, *, containers: bool) -> None:
        s3 = self.vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        s3.add_to_policy(_own_account(iam.AnyPrincipal()))
        services = dict(_FOR_FUNCTIONS)
        if containers:
            s3.add_to_policy(_image_layers(iam.AnyPrincipal()))
            services |= _FOR_CONTAINERS
        for name, service in services.items():
            endpoint = self.vpc.add_interface_endpoint(
                name,
                service=service,
                open=False,
                security_groups=[self._endpoints_group],
                subnets=ec2.SubnetSelection(subnet_group_name="Internal"),
            )
            endpoint.add_to_policy(_own_account(iam.AnyPrincipal()))

    def _flow_log(self, stage: Stage) -> None:
        group = log_group(self, "FlowLogs", stage)
        role = iam.Role(
            self,
            "FlowLogsRole",
            description="Lets VPC flow logs write to their log group",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{Aws.PARTITION}:ec2:{Aws.REGION}:{Aws.ACCOUNT_ID}"
                        ":vpc-flow-log/*"
                    },
                },
            ),
        )
        self.vpc.add_flow_log(
            "FlowLog", destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role)
        )


def _subnet(name: str, type_: ec2.SubnetType, mask: int) -> ec2.SubnetConfiguration:
    return ec2.SubnetConfiguration(
        name=name,
        subnet_type=type_,
        cidr_mask=mask,
        map_public_ip_on_launch=False if type_ is ec2.SubnetType.PUBLIC else None,
    )


def _image_layers(principal: iam.IPrincipal) -> iam.PolicyStatement:
    """The registry keeps layers of images in a bucket of AWS's own, and hands out links to them."""
    bucket = f"arn:{Aws.PARTITION}:s3:::prod-{Aws.REGION}-starport-layer-bucket/*"
    return iam.PolicyStatement(principals=[principal], actions=["s3:GetObject"], resources=[bucket])


def _own_account(principal: iam.IPrincipal) -> iam.PolicyStatement:
    """Through an endpoint only this account's own roles may act, on whatever their policies allow."""
    return iam.PolicyStatement(
        principals=[principal],
        actions=["*"],
        resources=["*"],
        conditions={"StringEquals": {"aws:PrincipalAccount": Aws.ACCOUNT_ID}},
    )
