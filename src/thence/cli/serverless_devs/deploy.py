"""`thence deploy s.yaml`: reads a project, shows its plan, makes it."""

from __future__ import annotations

from pathlib import Path

from ..client import Client
from ..options import credentials
from ..output import print_json
from .apply import Done, apply
from .checker import Checker
from .document import read_document
from .door_rules import takes_service
from .fc_client import FcClient
from .plan import Plan, make_plans
from .plan_text import plan_json, show_done, show_plan
from .resources import read_resources
from .service_facts import ServiceFacts


def deploy_project(
    client: Client,
    path: Path,
    *,
    dry_run: bool,
    only: tuple[str, ...],
    skip_triggers: bool,
    as_json: bool,
) -> int:
    """The exit status: 0 all is (or would be) as the file says, 1 something was (or will be) refused.
    Raises InvalidInput, Refused, Unreachable."""
    key = credentials()
    clients: dict[str, FcClient] = {}

    def client_of(generation: str) -> FcClient:
        return clients.setdefault(generation, FcClient(client, generation, key))

    facts = ServiceFacts(client, client_of)
    resources = read_resources(read_document(path, account=lambda: facts.home.account), only)
    if skip_triggers:
        for resource in resources:
            for trigger in resource.triggers:
                resource.left_out.append(f"trigger {trigger.name}: --skip-triggers")
            resource.triggers = []
    plans = make_plans(resources, client_of, takes_service)
    Checker(facts).check(plans)
    if not as_json:
        show_plan(plans)
    if dry_run:
        if as_json:
            print_json(plan_json(plans, None))
        return 1 if any(map(_will_be_refused, plans)) else 0

    def tell(done: Done) -> None:
        if not as_json:
            show_done(done)

    done = apply(plans, lambda plan: client_of(plan.resource.generation), tell)
    if as_json:
        print_json(plan_json(plans, done))
    mistaken = any(plan.resource.problems for plan in plans)
    return 1 if mistaken or any(change.refusal for change in done) else 0


def _will_be_refused(plan: Plan) -> bool:
    return bool(plan.resource.problems) or any(
        change.problems for change in plan.changes if change.kind != "same"
    )
