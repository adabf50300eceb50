"""For each setting, and each option of the engine, there is a test that shows what it does.

`test_every_setting_acts.py` shows that a setting reaches its place; the tests named here change it and
see another behaviour. A name alone would prove nothing: the test must be there and set the value.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from thence.engine.options import Options
from thence.settings import known_settings

ROOT = Path(__file__).parents[2]

# The test, and what its text must hold.
SHOWN = {
    "data_dir": ("api/test_service.py::test_the_data_directory_is_closed_to_others", "serving("),
    "listen": ("api/test_service.py::test_a_port_that_is_taken_is_refused_with_a_sentence", "listen="),
    "public_url": ("api/test_reached.py::test_the_setting_goes_before", "public_url"),
    "root_access_key_id": ("api/test_service.py::test_every_route_wants_the_credentials", "ROOT"),
    "root_access_key_secret": ("api/test_service.py::test_with_the_credentials_it_is_answered", "ROOT"),
    "account_id": ("runtimes/test_fc_contract.py::test_the_context_has_the_fields_of_both_generations", "account_id="),
    "region": ("runtimes/test_fc_contract.py::test_the_context_has_the_fields_of_both_generations", "region="),
    "store": ("api/test_store_driver.py::test_a_service_runs_on_a_driver_that_is_in_the_list", "store="),
    "log_level": ("logs/test_logs.py::test_below_the_level_nothing_is_written_or_even_asked_for", "Log(level)"),
    "log_format": ("logs/test_logs.py::test_the_console_format_is_text_with_the_facts", "console"),
    "grace_seconds": ("crash/test_stop.py::test_a_running_attempt_that_is_cut_off_runs_again_and_is_told", "grace_seconds="),
    "limits.payload_bytes_max": ("api/test_accepting.py::test_a_body_over_the_limit_is_refused_while_it_is_read", "payload_bytes_max="),
    "limits.inline_bytes_max": ("engine/test_options.py::test_inline_bytes_max_says_which_bodies_become_files", "inline_bytes_max="),
    "limits.result_bytes_max": ("runtimes/test_outcomes.py::test_a_result_over_the_limit_names_the_limit", "result_bytes_max="),
    "limits.log_bytes_max": ("runtimes/test_output.py::test_long_output_begins_with_a_mark_and_a_whole_line", "log_bytes_max="),
    "limits.code_bytes_max": ("api/test_functions.py::test_a_body_over_the_limit_of_code_is_refused", "code_bytes_max="),
    "limits.code_unpacked_bytes_max": ("catalog/test_code.py::test_the_limits_are_named", "code_unpacked_bytes_max"),
    "limits.code_files_max": ("catalog/test_code.py::test_the_limits_are_named", "code_files_max"),
    "limits.batch_max": ("api/test_batch_and_invoke.py::test_a_bad_batch_stores_nothing", "batch_max="),
    "limits.wait_seconds_max": ("api/test_history.py::test_no_wait_is_longer_than_the_setting", "wait_seconds_max="),
    "limits.waiting_max": ("api/test_accepting.py::test_a_full_backlog_is_answered_429", "waiting_max="),
    "limits.connections_max": ("api/test_places.py::test_idle_connections_make_room_for_new_ones", "connections_max="),
    "limits.unproven_bytes_max": ("api/test_overload.py::test_bodies_that_nobody_vouches_for_have_one_bound_and_others_are_unhurt", "unproven_bytes_max="),
    "limits.unread_bytes_max": ("api/test_unread.py::test_large_answers_that_nobody_reads_have_one_bound", "unread_bytes_max="),
    "limits.session_hours": ("api/test_session.py::test_a_session_holds_for_as_long_as_configured", "session_hours="),
    "limits.disk_reserve_bytes": ("engine/test_room.py::test_a_full_disk_gives_up_the_reserve_and_is_back_when_there_is_more_than_that", "needed_bytes"),
    "runtime.instances_max": ("runtimes/test_pool.py::test_at_the_nodes_limit_the_longest_idle_instance_goes", "instances_max="),
    "runtime.kept_free_percent": ("engine/test_fairness.py::test_the_share_that_is_kept_free_is_a_setting", "kept_free_percent="),
    "runtime.idle_seconds": ("runtimes/test_pool.py::test_an_instance_without_work_for_so_long_is_ended", "idle_seconds="),
    "runtime.start_seconds": ("runtimes/test_pool.py::test_an_instance_that_does_not_come_up_in_time_is_a_want_of_resources", "start_seconds="),
    "runtime.sandbox": ("config/test_every_setting_acts.py::test_the_sandbox_is_a_setting", "sandbox="),
    "leases.lease_seconds": ("engine/test_options.py::test_lease_seconds_is_how_long_a_silent_node_is_believed", "lease_seconds="),
    "leases.losses_max": ("engine/test_options.py::test_losses_max_is_how_often_an_attempt_may_be_lost", "losses_max="),
    "leases.suspect_alone_seconds": ("engine/test_suspects.py::test_suspects_take_no_more_than_half_of_the_time", "suspect_alone_seconds="),
    "retention.payload_days": ("engine/test_prune.py::test_each_class_goes_after_its_own_time", "service()"),
    "retention.result_days": ("engine/test_prune.py::test_each_class_goes_after_its_own_time", "service()"),
    "retention.history_days": ("engine/test_prune.py::test_each_class_goes_after_its_own_time", "service()"),
    "retention.events_hours": ("engine/test_events.py::test_a_reader_that_comes_back_too_late_is_told_of_the_gap", "events_retention_seconds="),
    "retention.idempotency_hours": ("engine/test_accept.py::test_an_idempotency_key_is_free_again_after_its_time", "idempotency_seconds="),
    "retention.unused_days": ("engine/test_sweep.py::test_a_blob_without_a_row_is_removed_once_it_is_old", "unused_retention_seconds="),
    "destinations.allow_networks": ("api/test_accepting.py::test_a_function_whose_webhook_leads_back_to_it_does_not_run_for_ever", "allow_networks="),
    "destinations.timeout_seconds": ("destinations/test_webhook.py::*", "timeout_seconds="),
    "destinations.first_seconds": ("engine/test_options.py::test_delivery_first_and_budget_seconds_are_the_waits_of_a_delivery", "delivery_first_seconds="),
    "destinations.budget_seconds": ("engine/test_options.py::test_delivery_first_and_budget_seconds_are_the_waits_of_a_delivery", "delivery_budget_seconds="),
    "destinations.concurrency_per_key": ("engine/test_options.py::test_delivery_concurrency_is_the_most_tries_under_way_at_one_destination", "delivery_concurrency="),
    "platform.budget_seconds": ("engine/test_options.py::test_platform_budget_seconds_ends_both_kinds_of_platform_waits", "platform_budget_seconds="),
    "platform.wait_cap_seconds": ("engine/test_options.py::test_platform_wait_cap_seconds_is_the_longest_wait_between_tries", "platform_wait_cap_seconds="),
    "fc.async_payload_bytes_max": ("fc/test_invoke_async.py::test_the_limit_is_a_setting", "async_payload_bytes_max="),
    "fc.sync_payload_bytes_max": ("fc/test_invoke_sync.py::test_the_limit_is_a_setting", "sync_payload_bytes_max="),
    "fc.platform_wait_cap_seconds": ("engine/test_options.py::test_platform_wait_caps_are_those_of_a_contract", "platform_wait_caps="),
    "functiongraph.auth_token": ("functiongraph/test_fast_path.py::test_the_token_lets_in_with_or_without_keys", "token"),
    "functiongraph.async_payload_bytes_max": ("functiongraph/test_invoke_async.py::test_the_limit_of_a_body_is_a_setting", "async_payload_bytes_max="),
    "functiongraph.sync_payload_bytes_max": ("functiongraph/test_invoke_sync.py::*", "sync_payload_bytes_max"),
    "functiongraph.retry_attempts_default": ("functiongraph/test_retries.py::test_settings_that_leave_the_retries_out_have_the_default", "FunctionGraphSettings(**settings)"),
    "functiongraph.gateway_seconds": ("functiongraph/test_invoke_sync.py::test_the_gateways_limit_is_a_setting", "gateway_seconds="),
    "functiongraph.status_log_file_bytes_max": ("functiongraph/test_status_log.py::test_files_are_followed_by_the_next_and_the_oldest_go", "bytes_max="),
    "functiongraph.status_log_files_max": ("functiongraph/test_status_log.py::test_files_are_followed_by_the_next_and_the_oldest_go", "files_max="),
    "functiongraph.status_log_otlp_endpoint": ("functiongraph/test_status_log.py::test_lines_are_sent_as_opentelemetry_logs", "status_log_otlp_endpoint="),
    "functiongraph.status_log_otlp_headers": ("functiongraph/test_status_log.py::test_nobody_there_is_not_sent_and_headers_are", "otlp_headers("),
}  # fmt: skip

# Options that no setting sets, or that are reached another way.
OPTIONS = {
    "node_name": ("engine/test_options.py::test_node_name_is_how_the_node_calls_itself", "node_name="),
    "minutes_retention_seconds": ("engine/test_options.py::test_minutes_retention_seconds_is_how_long_minutes_are_kept", "minutes_retention_seconds="),
    "prune_interval_seconds": ("engine/test_options.py::test_prune_interval_seconds_is_how_often_it_is_pruned", "prune_interval_seconds="),
    "record_preview_bytes_max": ("engine/test_options.py::test_record_preview_bytes_max_bounds_the_bodies_in_a_record", "record_preview_bytes_max="),
    "claim_max": ("engine/test_options.py::test_claim_max_bounds_what_one_claim_takes", "claim_max="),
    "sync_queue_seconds": ("engine/test_options.py::test_sync_queue_seconds_is_how_long_a_synchronous_call_waits", "sync_queue_seconds="),
    "payload_bytes_max": ("engine/test_options.py::test_payload_bytes_max_is_the_largest_payload", "payload_bytes_max="),
}  # fmt: skip


@cache
def sources(file: str) -> dict[str, str]:
    text = (ROOT / "tests" / file).read_text()
    return {
        node.name: ast.get_source_segment(text, node) or ""
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name[:5] == "test_"
    }


@pytest.mark.parametrize("name", sorted({*SHOWN, *OPTIONS}))
def test_the_test_that_shows_it_is_there_and_sets_it(name: str) -> None:
    test, needle = (SHOWN | OPTIONS)[name]
    file, _, function = test.partition("::")
    found = sources(file)
    bodies = found.values() if function == "*" else [found[function]]
    assert any(needle in body for body in bodies), f"{test} does not hold {needle}"


def test_no_setting_is_without_one() -> None:
    assert set(SHOWN) == {setting.name for setting in known_settings()}


@pytest.mark.parametrize("option", Options.__struct_fields__)
def test_every_option_is_read_by_what_it_is_for(option: str) -> None:
    """By the engine, or by `server.py` where it builds what is not the engine's."""
    places = [*(ROOT / "src/thence/engine").glob("*.py"), ROOT / "src/thence/server.py"]
    read = [
        node
        for place in places
        for node in ast.walk(ast.parse(place.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == option and _of_options(node.value)
    ]
    assert read, f"nothing reads Options.{option}"


def _of_options(value: ast.expr) -> bool:
    """`o.x`, `options.x`, `self._options.x`, `engine.options.x`."""
    name = value.id if isinstance(value, ast.Name) else getattr(value, "attr", "")
    return name in ("o", "options", "_options")
