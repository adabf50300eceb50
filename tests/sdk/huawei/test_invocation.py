"""`huaweicloudsdkfunctiongraph` against the service: calls, asynchronous settings, records, cancelling,
status logs and metrics."""

from __future__ import annotations

import base64
import datetime
import json
import urllib.request
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

from conftest import (
    KEY_ID,
    KEY_SECRET,
    PROJECT,
    REGION,
    SERVICE,
    create,
    delete,
    is_time,
    mailbox,
    new_name,
    until,
    urn,
)  # fmt: skip

ENDED = ("SUCCESS", "FAIL", "DISCARD")


def invoke(client: FunctionGraphClient, which: str, event: Any, **headers: str) -> Any:
    return client.invoke_function(
        model.InvokeFunctionRequest(function_urn=which, body=event, **headers)
    )


def start(client: FunctionGraphClient, which: str, event: Any) -> str:
    found = client.async_invoke_function(
        model.AsyncInvokeFunctionRequest(function_urn=which, body=event)
    )
    assert found.status_code == 202
    return str(found.request_id)


def record(client: FunctionGraphClient, which: str, id: str) -> Any:
    found = client.list_async_invocations(
        model.ListAsyncInvocationsRequest(function_urn=which, request_id=id)
    )
    return found.invocations[0] if found.invocations else None


def ended(client: FunctionGraphClient, which: str, id: str) -> Any:
    return until(lambda: record(client, which, id), lambda answer: answer.status in ENDED)


def active(client: FunctionGraphClient, which: str, id: str) -> list[Any]:
    return list(
        client.list_active_async_invocations(
            model.ListActiveAsyncInvocationsRequest(function_urn=which, requests=id, limit="100")
        ).invocations
    )


def cancel(client: FunctionGraphClient, which: str, id: str) -> Any:
    body = model.CancelAsyncInvocationRequestBody(request_id=id, type="force")
    return client.cancel_async_invocation(
        model.CancelAsyncInvocationRequest(function_urn=which, body=body)
    )


def target(kind: str, **param: Any) -> Any:
    return model.FuncDestinationConfig(destination=kind, param=json.dumps(param))


def settings(client: FunctionGraphClient, which: str, **fields: Any) -> Any:
    targets = {name: fields.pop(name) for name in ("on_success", "on_failure") if name in fields}
    body = model.UpdateFunctionAsyncInvokeConfigRequestBody(
        destination_config=model.FuncAsyncDestinationConfig(**targets), **fields
    )
    return client.update_function_async_invoke_config(
        model.UpdateFunctionAsyncInvokeConfigRequest(function_urn=which, body=body)
    )


def shown(client: FunctionGraphClient, which: str) -> Any:
    return client.show_function_async_invoke_config(
        model.ShowFunctionAsyncInvokeConfigRequest(function_urn=which)
    )


# ---------------------------------------------------------------- calls


def test_a_synchronous_call_of_v1_has_result_log_and_status(
    client: FunctionGraphClient, name: str
) -> None:
    found = invoke(client, urn(name), {"k": "v"}, x_cff_log_type="tail", x_cff_request_version="v1")
    assert (found.status_code, found.status) == (200, 200)
    assert json.loads(found.result) == {"k": "v"}
    lines = found.log.splitlines()
    assert f"Start invoke request '{found.request_id}', version: latest" in lines[0]
    assert lines[1] == "asked ['k']"
    assert f"Finish invoke request '{found.request_id}', duration: " in lines[2]


def test_a_synchronous_call_of_v0_is_the_return_value_itself(
    client: FunctionGraphClient, name: str
) -> None:
    found = invoke(client, urn(name), {"k": "v"}, x_cff_log_type="tail")
    assert json.loads(found.raw_content) == {"k": "v"}
    assert len(found.x_cff_request_id) == 36


def test_a_function_that_failed_is_told_by_status_and_result(
    client: FunctionGraphClient, name: str
) -> None:
    found = invoke(client, urn(name), {"fail": "disk is full"}, x_cff_request_version="v1")
    assert (found.status_code, found.status) == (200, 500)
    error = json.loads(found.result)
    assert error["errorMessage"] == "function invocation exception, error: disk is full"
    assert error["errorType"] == "ValueError"


@pytest.mark.parametrize("event", [None, {}, {"n": [1, {"é": None}]}])
def test_bodies_as_the_client_writes_them(
    client: FunctionGraphClient, name: str, event: Any
) -> None:
    found = invoke(client, urn(name), event, x_cff_request_version="v1")
    assert json.loads(found.result) == (event or {})


def test_an_asynchronous_call_runs_and_its_record_is_read(
    client: FunctionGraphClient, name: str
) -> None:
    id = start(client, urn(name), {"k": "v"})
    found = ended(client, urn(name), id)
    assert (found.request_id, found.status) == (id, "SUCCESS")
    assert (found.error_code, found.error_message) == (0, "")
    assert is_time(found.start_time) and len(found.end_time) == len("2026-01-01T00:00:00")


def test_a_failed_one_has_the_code_and_is_not_retried(
    client: FunctionGraphClient, name: str
) -> None:
    id = start(client, urn(name), {"fail": "disk is full"})
    found = ended(client, urn(name), id)
    assert (found.status, found.error_code) == ("FAIL", 4002)
    assert found.error_message == "function invocation exception, error: disk is full"


def test_a_running_one_is_active_and_is_cancelled(client: FunctionGraphClient, name: str) -> None:
    id = start(client, urn(name), {"sleep": 25})
    [one] = until(lambda: active(client, urn(name), id), lambda found: found[0].status == "RUNNING")
    assert one.end_time is None
    assert cancel(client, urn(name), id).status_code == 200
    found = ended(client, urn(name), id)
    assert (found.status, found.error_code) == ("FAIL", 4208)
    assert active(client, urn(name), id) == []


def test_an_id_that_is_none_cannot_be_cancelled(client: FunctionGraphClient, name: str) -> None:
    with pytest.raises(ClientRequestException) as caught:
        cancel(client, urn(name), "dbe40fba-ee6b-49ae-8fb5-7fd4f8cbe0ba")
    assert (caught.value.status_code, caught.value.error_code) == (400, "FSS.0400")


def test_records_are_listed_by_status_time_and_offset(
    client: FunctionGraphClient, name: str
) -> None:
    ids = [start(client, urn(name), {"n": number}) for number in range(3)]
    for id in ids:
        ended(client, urn(name), id)

    def listed(**query: Any) -> Any:
        return client.list_async_invocations(
            model.ListAsyncInvocationsRequest(function_urn=urn(name), **query)
        )

    whole = listed(limit="100", marker="0")
    assert [invocation.request_id for invocation in whole.invocations] == ids[::-1]
    assert (whole.count, whole.next_marker) == (3, 3)
    assert [invocation.request_id for invocation in listed(limit="1", marker="1").invocations] == [
        ids[1]
    ]
    assert len(listed(status="SUCCESS").invocations) == 3
    assert listed(status="DISCARD").invocations == []
    assert listed(request_id="none").invocations == []
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8)))
    hour = datetime.timedelta(hours=1)
    assert len(listed(query_begin_time=now - hour, query_end_time=now + hour).invocations) == 3
    assert listed(query_begin_time=now - 2 * hour, query_end_time=now - hour).invocations == []
    text = (now - hour).astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert len(listed(query_begin_time=text).invocations) == 3


def test_what_is_too_large_or_not_there_is_refused(client: FunctionGraphClient, name: str) -> None:
    with pytest.raises(ClientRequestException) as caught:
        start(client, urn(name), {"long": "x" * 256 * 1024})
    assert (caught.value.status_code, caught.value.error_code) == (413, "FSS.1201")
    with pytest.raises(ClientRequestException) as caught:
        start(client, urn("no-such-function"), {})
    assert (caught.value.status_code, caught.value.error_code) == (404, "FSS.1051")
    assert caught.value.request_id


# ---------------------------------------------------------------- settings and notifications


def test_settings_are_put_shown_listed_and_deleted(client: FunctionGraphClient, name: str) -> None:
    with pytest.raises(ClientRequestException) as caught:
        shown(client, urn(name))
    assert caught.value.status_code == 404
    bucket = target("OBS", bucket="smoke-results", prefix="ok/", expires=1)
    topic = target("SMN", topic_urn=f"urn:smn:{REGION}:{PROJECT}:smoke-failures")
    put = settings(
        client, urn(name), max_async_event_age_in_seconds=3600, max_async_retry_attempts=0,
        on_success=bucket, on_failure=topic, enable_async_status_log=True,
    )  # fmt: skip
    found = shown(client, urn(name))
    for item in (put, found):
        assert (item.func_urn, item.max_async_retry_attempts) == (urn(name), 0)
        assert item.destination_config.on_success.param == bucket.param
        assert item.destination_config.on_failure.destination == "SMN"
        assert item.enable_async_status_log is True
        assert item.created_time.endswith("Z") and item.last_modified.endswith("Z")
    listed = client.list_function_async_invoke_config(
        model.ListFunctionAsyncInvokeConfigRequest(function_urn=urn(name), limit="10")
    )
    assert [config.func_urn for config in listed.async_invoke_configs] == [urn(name)]
    assert (listed.count, listed.page_info.current_count) == (1, 1)
    request = model.DeleteFunctionAsyncInvokeConfigRequest(function_urn=urn(name))
    assert client.delete_function_async_invoke_config(request).status_code == 204
    with pytest.raises(ClientRequestException) as caught:
        client.delete_function_async_invoke_config(request)
    assert caught.value.status_code == 404


def test_the_whole_way_to_every_target(client: FunctionGraphClient, name: str) -> None:
    next_name, box = new_name("next"), new_name("box")
    create(client, next_name)
    ways = {
        "bucket": target("OBS", bucket=box, prefix="ok/", expires=7),
        "stream": target("DIS", stream_name=box),
        "topic": target("SMN", topic_urn=f"urn:smn:{REGION}:{PROJECT}:{box}"),
    }
    try:
        for kind, way in ways.items():
            settings(client, urn(name), on_success=way, max_async_retry_attempts=0)
            id = start(client, urn(name), {"n": 1})
            [message] = until(lambda kind=kind: mailbox(kind, box), bool)
            assert message["request_context"]["request_id"] == id
            assert message["request_context"]["function_urn"] == urn(name)
            assert message["request_context"]["condition"] == ""
            assert json.loads(message["request_payload"]) == {"n": 1}
            assert json.loads(message["response_payload"]) == {"n": 1}
        on_failure = target("FunctionGraph", func_urn=urn(next_name))
        settings(client, urn(name), on_failure=on_failure, max_async_retry_attempts=0)
        start(client, urn(name), {"fail": "disk is full"})
        request = model.ListAsyncInvocationsRequest(function_urn=urn(next_name))
        found = until(lambda: client.list_async_invocations(request).invocations, bool)
        assert ended(client, urn(next_name), found[0].request_id).status == "SUCCESS"
    finally:
        delete(client, urn(next_name, None))


def test_a_retry_is_made_and_counted(client: FunctionGraphClient, name: str) -> None:
    box = new_name("box")
    settings(
        client, urn(name), max_async_retry_attempts=1, on_failure=target("DIS", stream_name=box)
    )
    start(client, urn(name), {"fail": "again"})
    [message] = until(lambda: mailbox("stream", box), bool, 60)
    assert message["request_context"]["approximate_invoke_count"] == 2
    assert message["request_context"]["condition"] == "UnhandledInvocationError"
    assert message["response_context"] == {"status_code": 500, "function_error": ""}


def test_functions_that_notify_each_other_are_refused(
    client: FunctionGraphClient, name: str
) -> None:
    other = new_name("other")
    create(client, other)
    try:
        settings(client, urn(name), on_success=target("FunctionGraph", func_urn=urn(other)))
        with pytest.raises(ClientRequestException) as caught:
            settings(client, urn(other), on_success=target("FunctionGraph", func_urn=urn(name)))
        assert (caught.value.status_code, caught.value.error_code) == (400, "FSS.0400")
    finally:
        delete(client, urn(other, None))


# ---------------------------------------------------------------- status logs and metrics


def status_log(id: str) -> list[Any]:
    request = urllib.request.Request(
        f"http://{SERVICE}/v1/status-log?request_id={id}",
        headers={"authorization": f"Bearer {KEY_ID}:{KEY_SECRET}"},
    )
    with urllib.request.urlopen(request) as answer:
        return list(json.load(answer)["items"])


def test_status_logs_are_enabled_and_written(client: FunctionGraphClient, name: str) -> None:
    assert client.enable_async_status_log(model.EnableAsyncStatusLogRequest()).status_code == 200
    request = model.ShowProjectAsyncStatusLogInfoRequest()
    found = client.show_project_async_status_log_info(request)
    assert found.group_name == f"function-async-log-group-{PROJECT}"
    assert found.stream_name == f"function-async-log-stream-{PROJECT}"
    assert client.show_project_async_status_log_info(request).stream_id == found.stream_id
    settings(client, urn(name), enable_async_status_log=True, max_async_retry_attempts=0)
    id = start(client, urn(name), {"fail": "a|b\nc"})
    lines = until(lambda: status_log(id), lambda items: len(items) == 3)
    assert [line["status"] for line in lines] == ["FAIL", "RUNNING", "WAIT"]
    assert lines[0]["error_code"] == 4002
    assert lines[0]["error_message"] == "function invocation exception, error: a/b c"


def test_metrics_are_lists_of_points(client: FunctionGraphClient, name: str) -> None:
    invoke(client, urn(name), {"k": "v"})

    def series() -> Any:
        return client.list_function_statistics(
            model.ListFunctionStatisticsRequest(func_urn=urn(name), period="5")
        )

    found = until(series, lambda sample: any(point.value == 1 for point in sample.count))
    assert len(found.count) == 5
    assert all(point.value in (-1, 0) for point in found.fail_count)
    assert isinstance(found.count[0].timestamp, int)
    report = client.show_function_metrics(
        model.ShowFunctionMetricsRequest(func_urn=urn(name), period="5")
    )
    assert sum(point.value for point in report.count if point.value > 0) == 1
    whole = client.list_statistics(model.ListStatisticsRequest(filter="monitor_data", period="5"))
    assert any(point.value > 0 for point in whole.statistics.count)
    top = client.list_function_as_metric(
        model.ListFunctionAsMetricRequest(type="count", limit="500")
    )
    assert urn(name, None) in [item.key for item in top.values]


def test_the_log_of_a_long_run_is_its_end(client: FunctionGraphClient) -> None:
    name = new_name("talks")
    source = "def handler(event, context):\n    print('x' * 5000)\n    return 1\n"
    create(
        client, name, code_type="inline",
        func_code=model.FuncCode(file=base64.b64encode(source.encode()).decode()),
    )  # fmt: skip
    try:
        found = invoke(client, urn(name), {}, x_cff_log_type="tail", x_cff_request_version="v1")
        assert len(found.log.encode()) == 2000 and "Finish invoke request" in found.log
    finally:
        delete(client, urn(name, None))
