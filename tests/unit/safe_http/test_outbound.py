"""What an agent's manifest and its stage let it call, before anything leaves the machine."""

from __future__ import annotations

import pytest

from muster import Job
from muster.contracts import AgentEnvironment
from muster.outbound import Outbound
from muster.safe_http import Policy, Refused, Request, SafeHttp, Verdict

LOCAL = Outbound(addresses=("127.0.0.1", "feeds.test"), ports=(18480,))


def judged(http: SafeHttp, url: str) -> Verdict | None:
    """The verdict of what needs no network."""
    try:
        http.check(Request(url=url))
    except Refused as refused:
        return refused.verdict
    return None


@pytest.mark.parametrize(
    ("outbound", "url", "verdict"),
    [
        # A stage that says nothing lets nothing out; what the registries refuse keeps its verdict.
        (Outbound(), "http://93.184.216.34/", Verdict.EXTERNAL_REQUESTS_OFF),
        (Outbound(), "http://example.com/", Verdict.EXTERNAL_REQUESTS_OFF),
        (Outbound(), "http://127.0.0.1/", Verdict.SPECIAL_ADDRESS),
        (Outbound(), "http://169.254.169.254/", Verdict.METADATA_ADDRESS),
        # A stage that says yes lets out what the registries let out.
        (Outbound(external=True), "http://93.184.216.34/", None),
        (Outbound(external=True), "http://example.com/", None),
        (Outbound(external=True), "http://127.0.0.1/", Verdict.SPECIAL_ADDRESS),
        # A stage with exceptions lets out these and no more.
        (LOCAL, "http://127.0.0.1:18480/", None),
        (LOCAL, "http://feeds.test/", None),
        (LOCAL, "http://127.0.0.1:18481/", Verdict.PORT_REFUSED),
        (LOCAL, "http://127.0.0.2/", Verdict.SPECIAL_ADDRESS),
        (LOCAL, "http://169.254.169.254/", Verdict.METADATA_ADDRESS),
        (LOCAL, "http://example.com/", Verdict.EXTERNAL_REQUESTS_OFF),
    ],
)
def test_where_a_job_may_call(outbound: Outbound, url: str, verdict: Verdict | None):
    assert judged(Job(id="j", params={}, outbound=outbound).http(), url) == verdict


@pytest.mark.parametrize(
    ("word", "external"), [("yes", True), ("no", False), ("true", False), ("YES", False)]
)
def test_the_environment_says_what_the_stage_lets(word: str, external: bool):
    # Given an environment as the stacks write it
    contract = dict.fromkeys(AgentEnvironment.__dataclass_fields__, "x")
    contract["outbound"] = '{"addresses": ["127.0.0.1"], "ports": [18480]}'
    environ = {AgentEnvironment.variable(field): value for field, value in contract.items()}
    # When it is read back with a word for strangers
    environment = AgentEnvironment.from_environ({**environ, "ALLOW_EXTERNAL_REQUESTS": word})
    # Then `yes` alone lets them be called
    assert Outbound.of(environment, egress="internet") == Outbound(
        egress="internet", external=external, addresses=("127.0.0.1",), ports=(18480,)
    )


def test_an_agent_without_egress_calls_nobody():
    # Given a stage that lets everything out, and an agent whose manifest does not
    job = Job(id="j", params={}, outbound=Outbound(egress="none", external=True))
    # Then it does not even get a client
    with pytest.raises(Refused, match='Write egress = "internet"') as caught:
        job.http()
    assert caught.value.verdict is Verdict.EGRESS_NONE


def test_a_name_that_may_not_be_called_is_not_looked_up():
    def resolver(name: str, port: int) -> list[str]:
        raise AssertionError(f"{name} was looked up")

    http = SafeHttp(Policy(only_allowed=True), resolver=resolver)
    with pytest.raises(Refused) as caught:
        http.fetch(Request(url="http://example.com/"))
    assert caught.value.verdict is Verdict.EXTERNAL_REQUESTS_OFF


def test_an_agents_own_limits_hold_beside_the_stages_exceptions():
    # Given an agent's policy with a port and a method of its own
    policy = Policy(ports=frozenset({443}), methods=frozenset({"GET"}))
    http = Job(id="j", params={}, outbound=LOCAL).http(policy)
    # Then its ports are those and the stage's, its methods its own
    assert judged(http, "http://127.0.0.1:18480/") is None
    assert judged(http, "http://127.0.0.1:8080/") is Verdict.PORT_REFUSED
    with pytest.raises(Refused) as caught:
        http.check(Request(url="http://127.0.0.1:18480/", method="POST"))
    assert caught.value.verdict is Verdict.METHOD_REFUSED
