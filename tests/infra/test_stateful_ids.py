"""The logical ids of what holds data never change: another id means another, empty, resource."""

from __future__ import annotations

from tests.infra.synthesis import Synthesis

STATEFUL = (
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SQS::Queue",
    "AWS::SecretsManager::Secret",
)

#: Physical resources hang on these: change them only with a migration of what they hold.
GOLDEN = {
    "TokenKeyD1D1A236",
    "LoginsWorker5C6E7317",
    "LoginsDispatcher6200BA19",
    "LoginsApi50A12CFE",
    "AccessLogs8B620ECA",
    "Uploads4F6EB0FD",
    "Results25575328",
    "MissedTicks571FA998",
    "TaskEventsD64B2175",
    "documentprofileQueueNormalCA8405EC",
    "documentprofileQueueDeadLetters934FECE3",
    "documentprofileS3UndeliveredD43B4B2C",
    "feedcollectorQueueNormal98BC9D42",
    "feedcollectorQueueDeadLettersF16DA49D",
    "httpfetchQueueNormal26981CFB",
    "httpfetchQueueDeadLettersB4ED4845",
    "ledgerpostingQueueNormal1048DE49",
    "ledgerpostingQueueDeadLettersE7FF7976",
    "ledgerpostingS3Undelivered0076059E",
}
GOLDEN_CLOUD = GOLDEN | {"InstanceC1063A87", "SecretA720EF05"}
OTHERS = (
    "asksforall",
    "alwaysfails",
    "failstwice",
    "diesmidbatch",
    "keepsapart",
    "keepstime",
    "takesdeliveries",
    "Hookstakesdeliveries",
    "longjobs",
    "longoutside",
    "outlives",
    "overtakes",
    "takesturns",
)


def stateful(synthesis: Synthesis) -> set[str]:
    return {
        resource.id
        for type_ in STATEFUL
        for resource in synthesis.resources(type_)
        if not resource.id.startswith(OTHERS)
    }


def test_stateful_ids_of_the_cloud_stages(cloud: Synthesis):
    assert stateful(cloud) == GOLDEN_CLOUD


def test_stateful_ids_of_the_local_stage(each: Synthesis):
    if each.stage.network is None:
        assert stateful(each) == GOLDEN
    assert stateful(each) >= GOLDEN
