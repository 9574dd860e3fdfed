"""The real `boto3` against `moto`'s KMS, which encrypts with real keys."""

import boto3
import pytest
from moto import mock_aws

from traceo.errors import KeyFileError
from traceo.sealing.providers import load, load_or_create, open_store, update
from traceo.sealing.rotation import rotate


@pytest.fixture
def kms(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with mock_aws():
        yield boto3.client("kms", region_name="eu-west-1")


@pytest.fixture
def key(kms):
    return kms.create_key()["KeyMetadata"]


def at(key, folder, region="eu-west-1"):
    return open_store(f"aws-kms://{key}?region={region}", directory=folder)


def test_kms_wraps_the_content_key_of_the_file(kms, key, tmp_path):
    store = at(key["KeyId"], tmp_path)
    made = load_or_create(store)
    raw = (tmp_path / "keys.json").read_bytes()
    assert raw.startswith(b"eyJ")
    assert load(at(key["Arn"], tmp_path)) == made
    turned = update(store, lambda key_set: rotate(key_set, now_s=1_800_000_000))
    assert load(store) == turned


def test_an_alias_names_a_key_too(kms, key, tmp_path):
    kms.create_alias(AliasName="alias/traceo", TargetKeyId=key["KeyId"])
    made = load_or_create(at("alias/traceo", tmp_path))
    assert load(at(key["KeyId"], tmp_path)) == made


@pytest.mark.parametrize(("other", "region"), [("", "us-east-1"), ("no-such-key", "eu-west-1")])
def test_a_key_that_cannot_be_used_is_named(kms, key, tmp_path, other, region):
    load_or_create(at(key["KeyId"], tmp_path))
    name = other or key["KeyId"]
    with pytest.raises(
        KeyFileError, match=rf"unwrapping with the AWS KMS key {name}: the answer is \w+"
    ) as caught:
        load(at(name, tmp_path, region))
    assert caught.value.__context__ is None


def test_a_file_wrapped_by_another_key_is_refused(kms, key, tmp_path):
    load_or_create(at(key["KeyId"], tmp_path))
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(KeyFileError, match=r"the answer is (IncorrectKey|AccessDenied)Exception"):
        load(at(other, tmp_path))


def test_a_file_altered_outside_the_service_is_refused(kms, key, tmp_path):
    store = at(key["KeyId"], tmp_path)
    load_or_create(store)
    path = tmp_path / "keys.json"
    protected, wrapped, nonce, body, tag = path.read_text().split(".")
    path.write_text(".".join([protected, wrapped, nonce, "AAAA" + body[4:], tag]))
    with pytest.raises(KeyFileError, match="is damaged"):
        load(store)


def test_without_credentials_or_region_the_error_says_so(kms, key, tmp_path, monkeypatch):
    with pytest.raises(KeyFileError, match="the answer is NoRegionError"):
        load_or_create(at(key["KeyId"], tmp_path, ""))
