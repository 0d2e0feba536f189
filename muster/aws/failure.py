"""What an AWS error means to Muster: wait and try again, or something that a person has to mend."""

from __future__ import annotations

from typing import Any

from muster.errors import ConfigurationError, MusterError, RetryableError

_FORBIDDEN = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "KMS.AccessDeniedException",
        "KmsAccessDenied",
        "DecryptionFailure",
    }
)

_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)

_MISSING = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "InvalidAddress",
        "NoSuchBucket",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)


def service_errors() -> tuple[type[Exception], ...]:
    """What a botocore call raises, for an `except` clause: evaluated only once something is raised."""
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
        BotoCoreError,
        ClientError,
    )

    return BotoCoreError, ClientError


def is_invalid_call(exc: Exception) -> bool:
    """Whether botocore refused the arguments before anything was sent."""
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
        ParamValidationError,
    )

    return isinstance(exc, ParamValidationError)


def error_code(exc: BaseException | None) -> str:
    """The service's name of the error; empty when the service did not answer."""
    response: dict[str, Any] = getattr(exc, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def translate(
    exc: Exception, *, action: str, resource: str, unavailable: type[RetryableError]
) -> MusterError:
    """The Muster error for a botocore error; raise it `from exc`.

    Args:
        exc: a `ClientError` or another `BotoCoreError`.
        action: the call, as IAM names it, e.g. `sqs:SendMessage`.
        resource: queue URL, bucket or secret name.
        unavailable: the class for everything that may pass by itself, unknown errors included.
    """
    from botocore.exceptions import (  # pyright: ignore[reportMissingTypeStubs]  # it ships none
        CredentialRetrievalError,
        NoCredentialsError,
        PartialCredentialsError,
    )

    code = error_code(exc)
    if code in _FORBIDDEN:
        return ConfigurationError(
            f"{action} on {resource} is forbidden ({code}). Grant it to this component's role: "
            "redeploy the stack that creates both."
        )
    if code in _MISSING:
        return ConfigurationError(
            f"{resource} does not exist ({code} on {action}). Redeploy the stack that creates it, "
            "or mend the name."
        )
    unsigned = isinstance(exc, NoCredentialsError | PartialCredentialsError)
    if code in _CREDENTIALS or unsigned:
        return ConfigurationError(
            f"{action} was not authenticated ({code or type(exc).__name__}). Check the credentials "
            "and this machine's clock."
        )
    if isinstance(exc, CredentialRetrievalError):
        return unavailable(f"{action} on {resource}: credentials could not be fetched")
    return unavailable(f"{action} on {resource} failed: {code or type(exc).__name__}")
