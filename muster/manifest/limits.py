"""The numbers that manifests are held to, and where they come from."""

from __future__ import annotations

from datetime import timedelta

#: AWS: a Lambda function runs no longer.
LAMBDA_TIMEOUT = timedelta(minutes=15)

#: Kept free of the function's timeout to claim, settle and answer.
LAMBDA_MARGIN = timedelta(seconds=15)

#: SQS holds a message invisible for at most 12 h from its receive; a job must end before that.
FARGATE_TIMEOUT = timedelta(hours=11, minutes=30)

#: An endpoint that someone else runs is held to the same ceiling as a container.
HTTP_TIMEOUT = FARGATE_TIMEOUT

#: AWS recommends that a queue hides a message for six times its function's timeout.
VISIBILITY_FACTOR = 6

#: The listener renews visibility; this is what it renews to.
LISTENER_VISIBILITY = timedelta(seconds=120)

#: Claims for which one listener launches tasks at once; it waits until each has begun.
MOST_LAUNCHES = 50

#: SQS: largest maxReceiveCount of a redrive policy.
MAX_RECEIVE_COUNT = 1000

#: maxReceiveCount per attempt, so that SQS never decides before the ledger does.
ATTEMPTS_MARGIN = 10

#: More attempts than this and SQS's maxReceiveCount would no longer be the backstop it must be.
MAX_RETRIES = MAX_RECEIVE_COUNT // ATTEMPTS_MARGIN - 1

#: SQS event sources take batches of at most 10 without a batching window.
MAX_BATCH = 10

#: AWS: most concurrent invocations of one SQS event source.
MAX_CONCURRENCY = 1000

#: AWS: MiB of a Lambda function.
LAMBDA_MEMORY = (128, 10240)

#: Least MiB of a Lambda function whose jobs have processes of their own: worker, guard and job are three
#: interpreters, some 110 MiB before the agent imports anything.
PROCESS_MEMORY = 192
LAMBDA_STORAGE = (512, 10240)

#: AWS: MiB of a Fargate task.
FARGATE_STORAGE = (21 * 1024, 200 * 1024)

#: AWS: cpu units of a Fargate task -> (least, most, step) of its memory in MiB; 256 also takes 512.
FARGATE_MEMORY = {
    256: (1024, 2048, 1024),
    512: (1024, 4096, 1024),
    1024: (2048, 8192, 1024),
    2048: (4096, 16384, 1024),
    4096: (8192, 30720, 1024),
    8192: (16384, 61440, 4096),
    16384: (32768, 122880, 8192),
}

#: Smallest Fargate task, taken when the manifest does not say.
FARGATE_CPU = 256

#: Lambda allows 4 KiB for all variables; Muster's own take their share.
ENVIRONMENT_BYTES = 3 * 1024


def function_timeout(*, batch: int, timeout: timedelta) -> timedelta:
    """What a Lambda function needs to run a batch one job after another."""
    return batch * timeout + LAMBDA_MARGIN


def largest_batch(timeout: timedelta) -> int:
    """The largest batch whose function still fits Lambda; 0 when not even one job does."""
    return min(MAX_BATCH, (LAMBDA_TIMEOUT - LAMBDA_MARGIN) // timeout)


#: Most that a fire of a schedule is put off: SQS delays by 15 minutes, and a tick fires 5 minutes ahead.
MOST_JITTER = timedelta(minutes=10)

#: Shortest period of a schedule: what comes faster is a queue's work, not a clock's.
LEAST_PERIOD = timedelta(seconds=10)
