"""AWS KMS: the content key of a key file, wrapped by a key that never leaves the service.

Credentials, region and endpoint are found the way every AWS program finds them. The key's policy must allow
``kms:Encrypt`` and ``kms:Decrypt``, which can be bound to the encryption context ``traceo=keys``.
"""

import importlib
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar, cast

from traceo.errors import ConfigError, KeyFileError
from traceo.sealing.hidden import HiddenBytes
from traceo.sealing.providers.envelope import Service

__all__ = ["KmsKey"]

_CONTEXT: Final = {"traceo": "keys"}
_T = TypeVar("_T")


class _Client(Protocol):
    def encrypt(
        self,
        *,
        KeyId: str,  # noqa: N803 - the service's own names
        Plaintext: bytes,  # noqa: N803
        EncryptionContext: Mapping[str, str],  # noqa: N803
    ) -> Mapping[str, bytes]: ...
    def decrypt(
        self,
        *,
        KeyId: str,  # noqa: N803
        CiphertextBlob: bytes,  # noqa: N803
        EncryptionContext: Mapping[str, str],  # noqa: N803
    ) -> Mapping[str, bytes]: ...


class KmsKey:
    """A symmetric KMS key, by its id, ARN or ``alias/NAME``; `region` "" takes the environment's."""

    service: Service = "aws-kms"

    def __init__(self, key: str, *, region: str = "") -> None:
        self.kid = key
        self._region = region

    def wrap(self, key: HiddenBytes) -> bytes:
        """KMS's ciphertext blob."""
        answer = self._ask(
            lambda kms: kms.encrypt(KeyId=self.kid, Plaintext=bytes(key), EncryptionContext=_CONTEXT),
            doing="wrapping",
        )
        return answer["CiphertextBlob"]

    def unwrap(self, wrapped: bytes) -> HiddenBytes:
        """What `wrap` wrapped, by this very key: a file that somebody made with another is refused."""
        answer = self._ask(
            lambda kms: kms.decrypt(KeyId=self.kid, CiphertextBlob=wrapped, EncryptionContext=_CONTEXT),
            doing="unwrapping",
        )
        return HiddenBytes(answer["Plaintext"])

    def _ask(self, call: Callable[[_Client], _T], *, doing: str) -> _T:
        boto3, botocore = _boto3()
        try:
            return call(self._client(boto3, botocore))
        except botocore.exceptions.ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "an error"))
        except botocore.exceptions.BotoCoreError as error:
            code = type(error).__name__
        # Outside of `except`: frames of the library's error hold the request.
        raise KeyFileError(
            f"{doing} with the AWS KMS key {self.kid}: the answer is {code}; see the key's policy, the "
            "credentials and the region"
        )

    def _client(self, boto3: Any, botocore: Any) -> _Client:
        config = botocore.config.Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 3})
        return cast("_Client", boto3.client("kms", region_name=self._region or None, config=config))


def _boto3() -> tuple[Any, Any]:
    """The package and the one below it, with the submodules in use: an extra, and slow to load."""
    try:
        for name in ("botocore.config", "botocore.exceptions"):
            importlib.import_module(name)
        return importlib.import_module("boto3"), importlib.import_module("botocore")
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed; run: pip install 'traceo[aws]'") from None
