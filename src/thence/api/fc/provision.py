"""Instances kept ready: provisioned instances and scaling rules. There are none here: instances start
when there is work and stay a while (`runtime.idle_seconds`).

Asking for some is refused; asking for none, or looking, is answered with none.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from starlette.responses import Response

from ..shared.answer import answer, empty
from .aliases import body
from .answer import resource
from .call import Call
from .errors import invalid
from .names import function_arn, shown_qualifier
from .paging import paged
from .route import V2, V3, Route
from .services import wanted


class PutProvision(Struct, forbid_unknown_fields=True):
    target: int = 0
    defaultTarget: int = 0
    alwaysAllocateCPU: bool = False
    alwaysAllocateGPU: bool = False
    scheduledActions: list[Any] = []
    targetTrackingPolicies: list[Any] = []


class PutScaling(Struct, forbid_unknown_fields=True):
    minInstances: int = 0
    enableOnDemandScaling: bool = True
    enableMixMode: bool = False
    requestDispatchPolicy: str = ""
    residentPoolId: str = ""
    horizontalScalingPolicies: list[Any] = []
    scheduledPolicies: list[Any] = []


# ---------------------------------------------------------------- operations


async def put_provision(call: Call) -> Response:
    _check_function(call)
    _refuse(await body(call, PutProvision), "target", "defaultTarget", *_LISTS_OF_PROVISION)
    return resource(_provision(call))


async def get_provision(call: Call) -> Response:
    _check_function(call)
    return resource(_provision(call))


async def put_scaling(call: Call) -> Response:
    _check_function(call)
    asked = await body(call, PutScaling)
    _refuse(asked, "minInstances", "residentPoolId", *_LISTS_OF_SCALING)
    if not asked.enableOnDemandScaling:
        raise invalid(
            "enableOnDemandScaling: false would leave the function without any instance; every "
            "instance here is started on demand"
        )
    return resource(_scaling(call))


async def get_scaling(call: Call) -> Response:
    _check_function(call)
    return resource(_scaling(call))


async def delete_none(call: Call) -> Response:
    """There is nothing to delete, which is what was asked for."""
    _check_function(call)
    return empty()


async def list_provision(call: Call) -> Response:
    call.limit()
    return answer(paged(call, {"provisionConfigs": []}, ""))


async def list_scaling(call: Call) -> Response:
    call.limit()
    return answer(paged(call, {"scalingConfigs": []}, ""))


# ---------------------------------------------------------------- inside

_LISTS_OF_PROVISION = ("scheduledActions", "targetTrackingPolicies")
_LISTS_OF_SCALING = ("horizontalScalingPolicies", "scheduledPolicies")


def _check_function(call: Call) -> None:
    wanted(call, call.qualifier)


def _refuse(asked: Struct, *fields: str) -> None:
    for field in fields:
        value = getattr(asked, field)
        if value:
            shown = f"{len(value)} rules" if isinstance(value, list) else repr(value)
            raise invalid(
                f"{field}: {shown[:80]} cannot be kept: instances start when there is work; leave "
                "it out, and set runtime.idle_seconds for how long an idle instance stays"
            )


def _provision(call: Call) -> dict[str, Any]:
    shown = {
        "alwaysAllocateCPU": False,
        "current": 0,
        "currentError": "",
        "scheduledActions": [],
        "target": 0,
        "targetTrackingPolicies": [],
    }
    if call.v3:
        gpu = {"alwaysAllocateGPU": False, "defaultTarget": 0}
        return {"functionArn": _arn(call), **gpu, **shown}
    name, qualifier = call.name, shown_qualifier(call.qualifier)
    where = (call.state.account, name.service, qualifier, name.function)
    return {"resource": "#".join(where), **shown}


def _scaling(call: Call) -> dict[str, Any]:
    return {
        "functionArn": _arn(call),
        "currentError": "",
        "currentInstances": 0,
        "enableMixMode": False,
        "enableOnDemandScaling": True,
        "horizontalScalingPolicies": [],
        "minInstances": 0,
        "requestDispatchPolicy": "",
        "residentPoolId": "",
        "scheduledPolicies": [],
        "targetInstances": 0,
    }


def _arn(call: Call) -> str:
    return function_arn(call.name, call.qualifier, call.state.region, call.state.account)


PROVISION = "/functions/{function}/provision-config"
SCALING = "/functions/{function}/scaling-config"
IN_SERVICE = "/services/{service}"
ROUTES = (
    Route("PutProvisionConfig", "PUT", PROVISION, put_provision, V3),
    Route("GetProvisionConfig", "GET", PROVISION, get_provision, V3),
    Route("DeleteProvisionConfig", "DELETE", PROVISION, delete_none, V3),
    Route("ListProvisionConfigs", "GET", "/provision-configs", list_provision, V3),
    Route("PutScalingConfig", "PUT", SCALING, put_scaling, V3),
    Route("GetScalingConfig", "GET", SCALING, get_scaling, V3),
    Route("DeleteScalingConfig", "DELETE", SCALING, delete_none, V3),
    Route("ListScalingConfigs", "GET", "/scaling-configs", list_scaling, V3),
    Route("PutProvisionConfig", "PUT", IN_SERVICE + PROVISION, put_provision, V2),
    Route("GetProvisionConfig", "GET", IN_SERVICE + PROVISION, get_provision, V2),
    Route("ListProvisionConfigs", "GET", "/provision-configs", list_provision, V2),
)
