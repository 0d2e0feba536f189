"""What schemathesis makes of the OpenAPI document: whatever is sent, every answer is documented, none a 5xx.

Each operation gets calls that fit the document and calls that do not, with a key (or token) that lets them
in, as many as the time for a test allows. `MUSTER_API_EXAMPLES` makes it more. The deployed API gets fewer of
them, over real HTTP, in `tests/e2e/test_api.py`.
"""

from __future__ import annotations

import pytest

from muster.keys.access import Role
from tests.support.any_call import EXAMPLES, Caller
from tests.support.api_calls import AGENT, Api
from tests.support.wsgi import wsgi


@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_every_answer_is_documented(api: Api, mode: str, subtests: pytest.Subtests):
    import schemathesis
    from schemathesis import GenerationMode

    # Given the document that the API serves, and somebody who may call everything
    schema = schemathesis.openapi.from_wsgi("/openapi.json", wsgi(api.application))
    body = {"agent_id": AGENT, "params": {"n": 1}}
    made = api.call("POST", "/v1/jobs", body=body).json
    admin = api.new_key(Role.ADMIN)
    held = api.call("POST", "/v1/executions/claim", body={"agent_id": AGENT}, key=admin).json
    caller = Caller(id=made["execution_id"], admin=admin, execution=held["executions"][0]["token"])
    # When each operation is called as it may be, or may not be
    called = caller.call_all(schema, GenerationMode(mode), subtests)
    # Then each answer was one of those that are documented for it, and none was a 5xx
    assert called > EXAMPLES * 10
