"""Whether an account can be deployed to, and whether its alarms reach anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from local.doctor.account import Account, Subscription
from local.doctor.assembly import Assembly
from local.doctor.finding import Finding, ok, problem, warning
from local.doctor.unread import Unread
from stacks.config import Stage

#: Reasons for which AWS was not asked at all, or did not listen.
_CURES = {
    "NoCredentialsError": "set AWS_PROFILE, or run `aws configure` or `aws sso login`",
    "NoRegionError": "set AWS_REGION, or a region in the profile",
    "ProfileNotFound": "set AWS_PROFILE to a profile that `aws configure list-profiles` shows",
    "ExpiredToken": "log in again: `aws sso login`, or new session credentials",
    "InvalidClientTokenId": "the access key is none of AWS's: set another one",
    "SignatureDoesNotMatch": "the secret does not belong to the access key: set both anew",
    "EndpointConnectionError": "connect this machine to AWS, or set a proxy",
    "ConnectTimeoutError": "connect this machine to AWS, or set a proxy",
}
_ANOTHER = "see that `aws sts get-caller-identity` works"
_SUBSCRIBE = (
    "set alerts_email at the stage in stacks/config.py and deploy, or subscribe to the topic"
)
_CONFIRM = (
    "open the mail from AWS Notifications and confirm; after three days it is void: then unsubscribe, and "
    "subscribe again"
)


def credentials(account: Account | Unread) -> Finding:
    """Whether AWS knows who asks."""
    if isinstance(account, Unread):
        told = f"no AWS account can be asked: {account.why}; what depends on it was not looked at"
        return problem("credentials", told, _CURES.get(account.why, _ANOTHER))
    return ok("credentials", f"account {account.number}, region {account.region}")


def bootstrap(account: Account, *, assembly: Assembly | None) -> Finding:
    """Whether the CDK may deploy to the account."""
    run = f"run `npx cdk bootstrap aws://{account.number}/{account.region}`"
    version = account.bootstrap
    if isinstance(version, Unread):
        told = f"not known: {version.why}"
        return warning("bootstrap", told, "let these credentials call ssm:GetParameter")
    if version is None:
        return problem("bootstrap", "the CDK has never been bootstrapped here", run)
    least = assembly.least_bootstrap if assembly is not None else 0
    if version < least:
        told = f"version {version}, and what was synthesised needs {least}"
        return problem("bootstrap", told, f"{run} again")
    return ok("bootstrap", f"version {version}")


def alerts(account: Account, *, stage: Stage) -> Iterator[Finding]:
    """Whether somebody is told of alarms: one finding a topic."""
    subscriptions = account.subscriptions
    if isinstance(subscriptions, Unread):
        cure = "let these credentials call cloudformation:DescribeStacks and sns:ListSubscriptionsByTopic"
        yield warning("alerts", f"not known: {subscriptions.why}", cure)
    elif subscriptions is None:
        yield _before_the_first_deploy(stage)
    else:
        yield from _topics(subscriptions)


def _before_the_first_deploy(stage: Stage) -> Finding:
    if stage.alerts_email is None:
        told = "not deployed yet, and alerts_email is not set: nobody will be told of alarms"
        return warning("alerts", told, _SUBSCRIBE)
    told = f"not deployed yet; {stage.alerts_email} will get two mails to confirm"
    return ok("alerts", told)


def _topics(subscriptions: Mapping[str, Sequence[Subscription]]) -> Iterator[Finding]:
    for topic, subscribed in subscriptions.items():
        check = f"alerts: {topic}"
        pending = [each.endpoint for each in subscribed if not each.confirmed]
        confirmed = len(subscribed) - len(pending)
        if not subscribed:
            yield warning(check, "nobody is told", _SUBSCRIBE)
        elif not confirmed:
            yield problem(
                check, f"nobody is told: {', '.join(pending)} has not confirmed", _CONFIRM
            )
        elif pending:
            yield warning(check, f"{', '.join(pending)} has not confirmed", _CONFIRM)
        else:
            yield ok(check, f"{confirmed} subscribed")
