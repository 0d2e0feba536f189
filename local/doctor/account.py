"""What an AWS account says of itself, as far as a deploy of a stage depends on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from local.doctor.unread import Unread, read
from muster.contracts import OutputKey

#: Service Quotas: a service's code, and that of the quota. Names of both are AWS's.
FARGATE_VCPU = ("fargate", "L-3032A538")  # Fargate On-Demand vCPU resource count
RULES = ("events", "L-244521F2")  # Number of rules, on one event bus

#: What CloudFormation, SSM and Service Quotas answer about what does not exist.
_NO_STACK = "ValidationError"
_NO_PARAMETER = "ParameterNotFound"
_NO_QUOTA = "NoSuchResourceException"
#: What SNS shows instead of an ARN until somebody has confirmed.
_PENDING = "PendingConfirmation"
_TOPICS = {"pages": OutputKey.PAGES_TOPIC, "tickets": OutputKey.TICKETS_TOPIC}


@dataclass(frozen=True, kw_only=True, slots=True)
class Subscription:
    """Somebody who is told of alarms."""

    endpoint: str
    confirmed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """One account and region."""

    number: str
    region: str
    #: Version of its bootstrap; None: it was never bootstrapped.
    bootstrap: int | Unread | None
    #: Functions at once, over all.
    concurrency: int | Unread
    #: vCPUs of Fargate at once, over all.
    vcpus: int | Unread
    #: Rules that one event bus may have.
    most_rules: int | Unread
    #: Names of the rules that the default bus has.
    rules: Sequence[str] | Unread
    #: Who is told, by topic; None: the stage is not deployed.
    subscriptions: Mapping[str, Sequence[Subscription]] | Unread | None

    @classmethod
    def look(
        cls, session: Any, *, stage: str, bootstrap_parameter: str, config: Any = None
    ) -> Self | Unread:
        """Ask AWS, by a boto3 session; Unread when the session has no valid credentials or region.

        Args:
            session: with the credentials and the region of a deploy.
            stage: its name.
            bootstrap_parameter: SSM parameter with the version of the bootstrap.
            config: botocore's, for every client.
        """
        clients = _Clients(session, config)
        number = read(lambda: str(clients.of("sts").get_caller_identity()["Account"]))
        if isinstance(number, Unread):
            return number
        return cls(
            number=number,
            region=session.region_name or "",
            bootstrap=_bootstrap(clients, bootstrap_parameter),
            concurrency=read(
                lambda: int(
                    clients.of("lambda").get_account_settings()["AccountLimit"][
                        "ConcurrentExecutions"
                    ]
                )
            ),
            vcpus=_quota(clients, FARGATE_VCPU),
            most_rules=_quota(clients, RULES),
            rules=read(lambda: _rules(clients)),
            subscriptions=_subscriptions(clients, stage),
        )


class _Clients:
    def __init__(self, session: Any, config: Any) -> None:
        self._session = session
        self._config = config

    def of(self, service: str) -> Any:
        return self._session.client(service, config=self._config)


def _bootstrap(clients: _Clients, parameter: str) -> int | Unread | None:
    found = read(lambda: int(clients.of("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]))
    return None if found == Unread(_NO_PARAMETER) else found


def _quota(clients: _Clients, quota: tuple[str, str]) -> int | Unread:
    service, code = quota
    found = read(
        lambda: clients.of("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
    )
    if found == Unread(_NO_QUOTA):  # nobody has ever changed it
        found = read(
            lambda: clients.of("service-quotas").get_aws_default_service_quota(
                ServiceCode=service, QuotaCode=code
            )
        )
    return found if isinstance(found, Unread) else int(found["Quota"]["Value"])


def _rules(clients: _Clients) -> list[str]:
    pages = clients.of("events").get_paginator("list_rules").paginate()
    return [rule["Name"] for page in pages for rule in page["Rules"]]


def _subscriptions(
    clients: _Clients, stage: str
) -> Mapping[str, Sequence[Subscription]] | Unread | None:
    stack = f"muster-{stage}-observability"
    found = read(lambda: clients.of("cloudformation").describe_stacks(StackName=stack)["Stacks"])
    if found == Unread(_NO_STACK) or found == []:
        return None
    if isinstance(found, Unread):
        return found
    outputs = {output["OutputKey"]: output["OutputValue"] for output in found[0].get("Outputs", [])}
    return read(
        lambda: {
            name: _subscribed(clients, outputs[key])
            for name, key in _TOPICS.items()
            if key in outputs
        }
    )


def _subscribed(clients: _Clients, topic: str) -> list[Subscription]:
    pages = clients.of("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    return [
        Subscription(endpoint=each["Endpoint"], confirmed=each["SubscriptionArn"] != _PENDING)
        for page in pages
        for each in page["Subscriptions"]
    ]
