"""Plans of everything that can be changed in the catalogue: functions, versions, aliases, asynchronous
configurations, controls. Each is checked against what is in memory and changes nothing.

What may be said of one thing alone is checked by catalog/; here it is checked against the others. A
plan counts for the revision that it was made by (engine/catalogue.py).
"""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from ..catalog import version as versions
from ..catalog.alias import Alias, check_alias
from ..catalog.async_config import AsyncConfig, of_function
from ..catalog.changes import brief, briefs, differences
from ..catalog.control import Control
from ..catalog.function import LATEST, Function, FunctionSpec, check_name
from ..catalog.refusal import checked
from ..catalog.step import (
    DeleteEntry,
    DeleteFunction,
    DeleteVersion,
    PublishVersion,
    PutEntry,
    PutFunction,
    Step,
)
from ..clock import Clock
from ..errors import InvalidInput
from .deployed_code import Code
from .effect import in_effect
from .entries import ALIAS, ASYNC_CONFIG, CONTROL, DELETED, GONE_ALIAS, VERSION_NUMBER
from .family import Family
from .lanes import Lane
from .mirror import Mirror, kept_configs
from .options import Options
from .plan import NOTHING, Plan, Told, plan, told
from .targets import check_targets

GONE_MAX = 100  # deleted aliases of one function whose configuration is kept


class Plans:
    def __init__(self, mirror: Mirror, options: Options, clock: Clock) -> None:
        self._mirror = mirror
        self._options = options
        self._clock = clock

    # ------------------------------------------------------------ functions

    def check_function(self, name: str, spec: FunctionSpec) -> None:
        """Raises InvalidInput, DestinationCycle. (A destination function that does not exist is
        allowed: it may be deployed later.)"""
        check_name(name)
        # (Not in the store yet: only its spec counts here.)
        row = of_function(Function(0, name, 0, spec, "", 0, 0, 0))
        family = self._mirror.find(name)
        before = None if family is None else of_function(family.row(LATEST).function)
        check_targets(name, in_effect(row, self._options, before=before), self._mirror.find)

    def put_function(self, name: str, spec: FunctionSpec, code: Code | None) -> Plan:
        """Create or replace `latest`. Without code it keeps what it has. Raises as check_function."""
        self.check_function(name, spec)
        family = self._mirror.find(name)
        before = None if family is None else family.row(LATEST).function
        if code is None:
            code = present_code(before)
        step = PutFunction(name, spec, code.digest, code.bytes)
        if before is None:
            return plan(step, told=told(name, (), "created"))
        fields = [brief(difference) for difference in differences(before.spec, spec)]
        if before.code_digest != code.digest:
            fields.append("code")
        return plan(step, told=told(name, fields))

    def delete_function(self, name: str) -> Plan:
        """With all versions; what waits becomes invalid (function_deleted), what runs may finish."""
        family = self._mirror.family(name)
        revision = family.row(LATEST).function.revision
        steps = (*self._keep(family, family.written), DeleteFunction(family.id))
        return plan(*steps, told=Told(name, (), "deleted", revision))

    # ------------------------------------------------------------ versions

    def next_version(self, name: str) -> str:
        """The next whole number, which no version of this function has had."""
        family = self._mirror.family(name)
        return versions.next_number(self._highest(family), family.rows, family.aliases)

    def publish_version(self, name: str, note: str, version: str) -> Plan:
        """`latest` as it is, as a version. Raises InvalidInput, Conflict (the name is taken)."""
        versions.check_note(note)
        family = self._mirror.family(name)
        versions.check_new_version(name, version, family.rows, family.aliases)
        steps: list[Step] = []
        number = versions.number_of(version)
        if number > self._highest(family):
            data = str(number).encode()
            steps.append(PutEntry(VERSION_NUMBER, str(family.id), "", data))
        # That name means the version from now on.
        steps += self._forget_gone(family, version)
        steps.append(PublishVersion(family.id, version, note))
        return plan(*steps, told=told(name, [f"version {version} published"]))

    def delete_version(self, name: str, version: str) -> Plan:
        """What waits for it becomes invalid, what runs may finish. Its asynchronous configuration
        goes with it. Raises VersionNotFound, Conflict (an alias names it)."""
        family = self._mirror.family(name)
        lane = family.version(version)
        versions.check_unused(name, version, family.aliases)
        steps: list[Step] = [DeleteVersion(lane.function.id)]
        config = family.written.get(version)
        if config is not None:
            steps = [
                *self._keep(family, {version: config}),
                *steps,
                DeleteEntry(ASYNC_CONFIG, str(family.id), version),
            ]
        return plan(*steps, told=told(name, [f"version {version} deleted"]))

    def _highest(self, family: Family[Lane]) -> int:
        """The highest number that was given as a version's name."""
        entry = self._mirror.entries.get(VERSION_NUMBER, str(family.id), "")
        return 0 if entry is None else int(entry.data)

    def _keep(self, family: Family[Lane], written: dict[str, AsyncConfig]) -> list[Step]:
        """Configurations whose qualifiers are deleted: the last invocations of these end by them,
        also after a restart."""
        if not written:
            return []
        kept = {**kept_configs(self._mirror.entries, family), **written}
        return [PutEntry(DELETED, "", str(family.id), msgspec.json.encode(kept))]

    # ------------------------------------------------------------ aliases

    def put_alias(self, name: str, alias: Alias, *, create: bool) -> Plan:
        """Create, or replace one that there is. Raises InvalidInput, Conflict (it is there already,
        or a version has that name), AliasNotFound, VersionNotFound."""
        family = self._mirror.family(name)
        before = family.aliases.get(alias.name)
        if create:
            versions.check_new_alias(name, alias.name, family.rows, family.aliases)
        elif before is None:
            raise family.no_alias(alias.name)
        for version in (alias.version, *alias.weights):
            if version not in family.rows:
                raise family.no_version(version)
        check_alias(alias)
        now = self._clock.now()
        created_at = now if before is None else before.created_at
        alias = replace(alias, created_at=created_at, updated_at=now)
        steps: list[Step] = [
            PutEntry(ALIAS, str(family.id), alias.name, msgspec.json.encode(alias))
        ]
        if before is None:
            steps += self._forget_gone(family, alias.name)
        fields = briefs(before or Alias(alias.name, "none"), alias) or ["put again"]
        return plan(*steps, told=told(name, [f"alias {alias.name}: {field}" for field in fields]))

    def delete_alias(self, name: str, alias: str) -> Plan:
        """Its asynchronous configuration goes with it for new calls; what came by it and waits still
        ends as it was configured, also after a restart, until an alias of that name is created
        again. Raises AliasNotFound."""
        family = self._mirror.family(name)
        family.alias(alias)
        owner, config = str(family.id), family.written.get(alias)
        steps: list[Step] = [DeleteEntry(ALIAS, owner, alias)]
        if config is not None:
            steps.append(DeleteEntry(ASYNC_CONFIG, owner, alias))
            steps += self._keep_gone(family, alias, config)
        return plan(*steps, told=told(name, [f"alias {alias} deleted"]))

    def _keep_gone(self, family: Family[Lane], alias: str, config: AsyncConfig) -> list[Step]:
        """Of a deleted alias; of too many, the oldest go."""
        owner = str(family.id)
        kept = self._mirror.entries.all(GONE_ALIAS, owner)
        kept.sort(key=lambda entry: entry.updated_at)
        over = kept[: max(0, len(kept) - GONE_MAX + 1)]
        put = PutEntry(GONE_ALIAS, owner, alias, msgspec.json.encode(config))
        return [*(DeleteEntry(GONE_ALIAS, owner, entry.name) for entry in over), put]

    def _forget_gone(self, family: Family[Lane], name: str) -> list[Step]:
        owner = str(family.id)
        gone = self._mirror.entries.get(GONE_ALIAS, owner, name)
        return [] if gone is None else [DeleteEntry(GONE_ALIAS, owner, name)]

    # ------------------------------------------------------------ asynchronous configurations

    def put_async_config(
        self, name: str, qualifier: str, config: AsyncConfig, *, check: bool = True
    ) -> Plan:
        """Create or replace. `check`: that the qualifier is there; without it, another step of the
        same change makes it. Raises VersionNotFound, AliasNotFound, InvalidInput, DestinationCycle."""
        config = checked(AsyncConfig, config)
        family = self._mirror.family(name)
        row = family.row(qualifier if check else LATEST)
        before, now = family.written.get(qualifier), self._clock.now()
        effect = in_effect(config, self._options, before=before)
        check_targets(name, effect, self._mirror.find)
        created_at = now if before is None else before.created_at
        config = replace(config, created_at=created_at, updated_at=now)
        fields = briefs(before or of_function(row.function), config)
        if not fields:
            fields = ["created" if before is None else "put again"]
        step = PutEntry(ASYNC_CONFIG, str(family.id), qualifier, msgspec.json.encode(config))
        return plan(
            step, told=told(name, [f"async_config {qualifier}: {field}" for field in fields])
        )

    def delete_async_config(self, name: str, qualifier: str) -> Plan:
        """From now on the function's own spec counts. NOTHING: there is none. Raises
        VersionNotFound, AliasNotFound."""
        family = self._mirror.family(name)
        family.row(qualifier)
        if qualifier not in family.written:
            return NOTHING
        step = DeleteEntry(ASYNC_CONFIG, str(family.id), qualifier)
        return plan(step, told=told(name, [f"async_config {qualifier} deleted"]))

    # ------------------------------------------------------------ controls

    def put_control(self, name: str, control: Control, *, new: bool = False) -> Plan:
        """From its commit on it counts for all that begins. `new`: another step of the same change
        makes the function. Raises InvalidInput."""
        before = Control() if new else self._mirror.family(name).control
        control = replace(checked(Control, control), updated_at=self._clock.now())
        step = PutEntry(CONTROL, "", "", msgspec.json.encode(control), function=name)
        return plan(step, told=told(name, briefs(before, control)))


def present_code(before: Function | None) -> Code:
    """What is deployed now. Raises InvalidInput where nothing is."""
    if before is None:
        raise InvalidInput(
            "code: a new function needs its code: a zip archive in base64 in 'code'.", field="code"
        )
    return Code(before.code_digest, before.code_bytes)
