"""`oss2` puts a package where `tempBucketToken` says, as Serverless Devs does with a folder; the
other clients make functions of it."""

from __future__ import annotations

import base64
import hashlib
import uuid
from typing import Any

import fc2 as aliyun
import oss2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException

from conftest import ACCOUNT, KEY_ID, KEY_SECRET, SERVICE, zipped

PACKAGE = base64.b64decode(zipped())


@pytest.fixture
def given() -> Any:
    """What `tempBucketToken` answers; the client has no method for it, but signs it as all else."""
    client = aliyun.Client(
        endpoint=f"http://{SERVICE}", accessKeyID=KEY_ID, accessKeySecret=KEY_SECRET, Timeout=60
    )
    path = "/2016-08-15/tempBucketToken"
    headers = client._build_common_headers("GET", path)
    return client._do_request("GET", path, headers).json()


def bucket(given: Any, name: str | None = None, **changed: str) -> Any:
    its = {**given["credentials"], **changed}
    auth = oss2.StsAuth(its["AccessKeyId"], its["AccessKeySecret"], its["SecurityToken"])
    return oss2.Bucket(auth, f"http://{SERVICE}", name or given["ossBucket"])


def put(given: Any) -> str:
    object = f"{ACCOUNT}/{given['objectName']}"
    stored = bucket(given).put_object(object, PACKAGE)
    assert stored.status == 200 and stored.request_id
    assert stored.etag == hashlib.md5(PACKAGE).hexdigest().upper()
    assert stored.crc is not None  # the client compares it with its own
    return object


def created(fc3: Client, bucket: str, object: str) -> Any:
    return fc3.create_function(
        models.CreateFunctionRequest(
            body=models.CreateFunctionInput(
                function_name=f"up-{uuid.uuid4().hex[:8]}",
                runtime="python3.10",
                handler="index.handler",
                code=models.InputCodeLocation(oss_bucket_name=bucket, oss_object_name=object),
            )
        )
    ).body


def test_a_function_is_made_of_what_was_uploaded(fc3: Client, given: Any) -> None:
    made = created(fc3, given["ossBucket"], put(given))
    assert made.code_size == len(PACKAGE)
    answer = fc3.invoke_function(made.function_name, models.InvokeFunctionRequest(body=b"echo"))
    assert answer.body.read() == b"echo"
    fc3.delete_function(made.function_name)


def test_a_function_is_updated_with_what_was_uploaded(fc3: Client, given: Any) -> None:
    object = put(given)
    made = created(fc3, given["ossBucket"], object)
    code = models.InputCodeLocation(oss_bucket_name=given["ossBucket"], oss_object_name=object)
    answer = fc3.update_function(
        made.function_name,
        models.UpdateFunctionRequest(body=models.UpdateFunctionInput(code=code)),
    )
    assert answer.body.code_checksum == made.code_checksum
    fc3.delete_function(made.function_name)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"AccessKeySecret": "x"}, "SignatureDoesNotMatch"),
        ({"AccessKeyId": "x"}, "InvalidAccessKeyId"),
        ({"SecurityToken": "x"}, "InvalidSecurityToken"),
    ],
)
def test_wrong_credentials_are_an_error_that_the_client_reads(
    given: Any, changed: Any, code: str
) -> None:
    with pytest.raises(oss2.exceptions.OssError) as refused:
        bucket(given, **changed).put_object(f"{ACCOUNT}/{given['objectName']}", b"x")
    assert (refused.value.status, refused.value.code) == (403, code)
    assert refused.value.request_id and refused.value.message


def test_another_object_is_refused(given: Any) -> None:
    with pytest.raises(oss2.exceptions.AccessDenied):
        bucket(given).put_object(f"{ACCOUNT}/mine", b"x")


def test_another_bucket_is_refused_by_name(fc3: Client) -> None:
    with pytest.raises(ClientException) as refused:
        created(fc3, "mine", "code.zip")
    assert refused.value.code == "InvalidArgument" and "'mine'" in str(refused.value)
