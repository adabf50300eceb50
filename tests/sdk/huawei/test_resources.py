"""`huaweicloudsdkfunctiongraph` against the service: triggers, test events, tags, quotas."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkfunctiongraph.v2 import FunctionGraphClient, model

from conftest import urn


def refused(error: pytest.ExceptionInfo[ClientRequestException]) -> tuple[int, str]:
    return error.value.status_code, error.value.error_code


def content(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_a_trigger_that_cannot_fire_is_refused(client: FunctionGraphClient, name: str) -> None:
    def make(kind: str, **data: Any) -> None:
        client.create_function_trigger(
            model.CreateFunctionTriggerRequest(
                function_urn=urn(name),
                body=model.CreateFunctionTriggerRequestBody(
                    trigger_type_code=kind,
                    trigger_status="ACTIVE",
                    event_type_code="MessageCreated",
                    event_data=model.TriggerEventDataRequestBody(**data),
                ),
            )
        )

    for kind, data in (
        ("TIMER", {"name": "T1", "schedule_type": "Rate", "schedule": "3m"}),
        ("OBS", {"bucket": "b", "events": ["s3:ObjectCreated:*"]}),
        ("SMN", {"topic_urn": "urn:smn:r:p:t"}),
    ):
        with pytest.raises(ClientRequestException) as error:
            make(kind, **data)
        assert refused(error) == (400, "FSS.1101") and kind in error.value.error_msg
    with pytest.raises(ClientRequestException) as error:
        make("MOON")
    assert refused(error) == (404, "FSS.1137")
    asked = model.ListFunctionTriggersRequest(function_urn=urn(name))
    found = client.list_function_triggers(asked)
    # The client makes None of an empty list.
    assert found.body is None and found.raw_content == b"[]"


def test_a_trigger_that_is_not_there(client: FunctionGraphClient, name: str) -> None:
    which = {"function_urn": urn(name), "trigger_type_code": "TIMER", "trigger_id": "t"}
    for ask in (
        lambda: client.show_function_trigger(model.ShowFunctionTriggerRequest(**which)),
        lambda: client.delete_function_trigger(model.DeleteFunctionTriggerRequest(**which)),
        lambda: client.update_trigger(
            model.UpdateTriggerRequest(
                **which, body=model.UpdateTriggerRequestBody(trigger_status="DISABLED")
            )
        ),
    ):
        with pytest.raises(ClientRequestException) as error:
            ask()
        assert refused(error) == (404, "FSS.1131")
    client.batch_delete_function_triggers(
        model.BatchDeleteFunctionTriggersRequest(function_urn=urn(name))
    )


def test_test_events_are_kept(client: FunctionGraphClient, name: str) -> None:
    made = client.create_event(
        model.CreateEventRequest(
            function_urn=urn(name),
            body=model.CreateEventRequestBody(name="first", content=content({"k": 1})),
        )
    )
    found = client.list_events(model.ListEventsRequest(function_urn=urn(name)))
    assert found.count == 1
    assert [(event.id, event.name) for event in found.events] == [(made.id, "first")]
    assert found.events[0].last_modified > 1e9
    which = {"function_urn": urn(name), "event_id": made.id}
    client.update_event(
        model.UpdateEventRequest(
            **which, body=model.UpdateEventRequestBody(content=content({"k": 2}))
        )
    )
    shown = client.show_event(model.ShowEventRequest(**which))
    assert (shown.name, shown.content) == ("first", content({"k": 2}))
    client.delete_event(model.DeleteEventRequest(**which))
    with pytest.raises(ClientRequestException) as error:
        client.show_event(model.ShowEventRequest(**which))
    assert refused(error) == (404, "FSS.1070")


def test_a_large_test_event_is_refused(client: FunctionGraphClient, name: str) -> None:
    def make(name_of_event: str, text: str) -> None:
        body = model.CreateEventRequestBody(name=name_of_event, content=text)
        client.create_event(model.CreateEventRequest(function_urn=urn(name), body=body))

    make("fits", content("x" * 4094))
    for text, wanted in (
        (content("x" * 4095), (403, "FSS.1069")),
        ("%", (400, "FSS.0400")),
        ("e30", (400, "FSS.0400")),
        (base64.b64encode(b"{").decode(), (400, "FSS.0400")),
    ):
        with pytest.raises(ClientRequestException) as error:
            make("not", text)
        assert refused(error) == wanted
    with pytest.raises(ClientRequestException) as error:
        make("fits", content(1))
    assert refused(error) == (409, "FSS.0409")


def test_tags(client: FunctionGraphClient, name: str) -> None:
    which = {"resource_type": "functions", "resource_id": urn(name, None)}

    def body(*tags: Any) -> Any:
        items = [model.KvItem(key=key, value=value) for key, value in tags]
        return model.UpdateFunctionTagsRequestBody(action="create", tags=items)

    client.create_tags(model.CreateTagsRequest(**which, body=body((name, "1"), ("b", "2"))))
    client.create_tags(model.CreateTagsRequest(**which, body=body((name, "3"))))
    tags = client.list_function_tags(model.ListFunctionTagsRequest(**which)).tags
    assert {(tag.key, tag.value) for tag in tags} == {(name, "3"), ("b", "2")}
    project = client.show_project_tags_list(
        model.ShowProjectTagsListRequest(resource_type="functions")
    )
    assert {tag.key: tag.values for tag in project.tags}[name] == ["3"]
    gone = body((name, None))
    gone.action = "delete"
    client.delete_tags(model.DeleteTagsRequest(**which, body=gone))
    tags = client.list_function_tags(model.ListFunctionTagsRequest(**which)).tags
    assert [tag.key for tag in tags] == ["b"]


def test_quotas_and_what_is_not_here(client: FunctionGraphClient, name: str) -> None:
    quotas = client.list_quotas(model.ListQuotasRequest()).quotas.resources
    assert {quota.type: quota.used for quota in quotas}["fgs_func_num"] >= 1
    assert (
        client.list_function_reserved_instances(
            model.ListFunctionReservedInstancesRequest()
        ).reservedinstances
        == []
    )
    assert (
        client.list_reserved_instance_configs(
            model.ListReservedInstanceConfigsRequest()
        ).reserved_instances
        == []
    )
    assert client.list_dependencies(model.ListDependenciesRequest()).dependencies == []

    def reserve(count: int) -> Any:
        return client.update_function_reserved_instances_count(
            model.UpdateFunctionReservedInstancesCountRequest(
                function_urn=urn(name),
                body=model.UpdateFunctionReservedInstancesCountRequestBody(count=count),
            )
        )

    assert reserve(0).count == 0
    with pytest.raises(ClientRequestException) as error:
        reserve(1)
    assert refused(error)[0] == 400
    with pytest.raises(ClientRequestException) as error:
        client.export_function(model.ExportFunctionRequest(function_urn=urn(name)))
    assert refused(error)[0] == 400
