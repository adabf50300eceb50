'use strict';
// @huaweicloud/huaweicloud-sdk-functiongraph from the creation of a function to its deletion.
const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const {
  SERVICE, ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION, CLIENT, CODE,
  archive, download, mailbox, newName, refused, until,
} = require('./common');

const sdk = require(CLIENT);
const { BasicCredentials } = require('@huaweicloud/huaweicloud-sdk-core');
const OLD = CLIENT.endsWith('-old'); // without cancelling, tags and the newer lists

function connect(secret = ACCESS_KEY_SECRET, id = ACCESS_KEY_ID) {
  const credential = new BasicCredentials().withAk(id).withSk(secret).withProjectId(ACCOUNT_ID);
  return sdk.FunctionGraphClient.newBuilder()
    .withCredential(credential)
    .withEndpoint(`http://${SERVICE}`)
    .build();
}

const client = connect();
const name = newName('node');
const urn = (version = 'latest') => {
  const whole = `urn:fss:${REGION}:${ACCOUNT_ID}:function:default:${name}`;
  return version ? `${whole}:${version}` : whole;
};

function fill(kind, fields) {
  const made = new sdk[kind]();
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const setter = `with${key[0].toUpperCase()}${key.slice(1)}`;
    assert.ok(made[setter], `${kind}.${setter}`);
    made[setter](value);
  }
  return made;
}

const invoke = (event, { which = urn(), ...more } = {}, via = client) =>
  via.invokeFunction(fill('InvokeFunctionRequest', { functionUrn: which, body: event, ...more }));

const start = (event, which = urn(), via = client) =>
  via.asyncInvokeFunction(fill('AsyncInvokeFunctionRequest', { functionUrn: which, body: event }));

async function record(id) {
  const [method, kind] = OLD
    ? ['listFunctionAsyncInvocations', 'ListFunctionAsyncInvocationsRequest']
    : ['listAsyncInvocations', 'ListAsyncInvocationsRequest'];
  const found = await client[method](fill(kind, { functionUrn: urn(), requestId: id, limit: '10' }));
  return found.invocations[0];
}

const ended = (id) => until(() => record(id), (one) => one && ['SUCCESS', 'FAIL', 'DISCARD'].includes(one.status));

function settings(fields) {
  const body = fill('UpdateFunctionAsyncInvokeConfigRequestBody', fields);
  return client.updateFunctionAsyncInvokeConfig(
    fill('UpdateFunctionAsyncInvokeConfigRequest', { functionUrn: urn(), body }),
  );
}

before(async () => {
  const body = fill('CreateFunctionRequestBody', {
    funcName: name, package: 'default', runtime: 'Python3.10', timeout: 60, handler: 'index.handler',
    memorySize: 128, codeType: 'zip', codeFilename: 'index.zip', funcCode: fill('FuncCode', { file: CODE }),
  });
  const made = await client.createFunction(fill('CreateFunctionRequest', { body }));
  assert.deepEqual([made.httpStatusCode, made.func_urn], [200, urn()]);
});

after(async () => {
  await client.deleteFunction(fill('DeleteFunctionRequest', { functionUrn: urn('') }));
  const asked = fill('ShowFunctionConfigRequest', { functionUrn: urn() });
  const error = await refused(client.showFunctionConfig(asked));
  assert.equal(error.errorCode, 'FSS.1051');
});

test('a function is shown, listed, changed, and its code is downloaded', async () => {
  const shown = await client.showFunctionConfig(fill('ShowFunctionConfigRequest', { functionUrn: urn() }));
  assert.deepEqual([shown.timeout, shown.memory_size], [60, 128]);
  const listed = await client.listFunctions(fill('ListFunctionsRequest', { maxitems: '100' }));
  assert.ok(listed.functions.some((one) => one.func_name === name));
  const body = fill('UpdateFunctionConfigRequestBody', {
    funcName: name, runtime: 'Python3.10', timeout: 50, handler: 'index.handler', memorySize: 128, description: 'é',
  });
  const asked = fill('UpdateFunctionConfigRequest', { functionUrn: urn(), body });
  assert.equal((await client.updateFunctionConfig(asked)).description, 'é');
  const code = await client.showFunctionCode(fill('ShowFunctionCodeRequest', { functionUrn: urn() }));
  assert.deepEqual(await download(code.func_code.link), archive());
});

test('a synchronous call of v1 has result, log and status', async () => {
  const found = await invoke({ k: 'é' }, { xCffLogType: 'tail', xCFFRequestVersion: 'v1' });
  assert.deepEqual([found.httpStatusCode, found.status], [200, 200]);
  assert.deepEqual(JSON.parse(found.result), { k: 'é' });
  assert.match(found.log, /asked \['k'\]/);
});

test('a synchronous call of v0 is the return value itself', async () => {
  const found = await invoke({ k: 'v' });
  assert.deepEqual([found.httpStatusCode, found.k], [200, 'v']);
  assert.equal((await invoke({ n: [1, { é: null }] })).httpStatusCode, 200);
  assert.equal((await invoke({})).httpStatusCode, 200);
});

test('a function that failed is told by status and result', async () => {
  const found = await invoke({ fail: 'disk is full' }, { xCFFRequestVersion: 'v1' });
  assert.deepEqual([found.httpStatusCode, found.status], [200, 500]);
  assert.equal(JSON.parse(found.result).errorType, 'ValueError');
});

test('the asynchronous settings are put, shown, listed and deleted', async () => {
  const to = (topic) =>
    fill('FuncDestinationConfig', {
      destination: 'SMN', param: JSON.stringify({ topic_urn: `urn:smn:${REGION}:${ACCOUNT_ID}:${topic}` }),
    });
  const destinationConfig = fill('FuncAsyncDestinationConfig', { onSuccess: to(`${name}-ok`), onFailure: to(`${name}-bad`) });
  const put = await settings({ maxAsyncEventAgeInSeconds: 3600, maxAsyncRetryAttempts: 0, destinationConfig });
  assert.equal(put.max_async_retry_attempts, 0);
  const asked = fill('ShowFunctionAsyncInvokeConfigRequest', { functionUrn: urn() });
  assert.equal((await client.showFunctionAsyncInvokeConfig(asked)).max_async_event_age_in_seconds, 3600);
  const all = fill('ListFunctionAsyncInvokeConfigRequest', { functionUrn: urn() });
  assert.equal((await client.listFunctionAsyncInvokeConfig(all)).async_invoke_configs.length, 1);
  const { request_id: id } = await start({ k: 'told' });
  const [told] = await until(() => mailbox('topic', `${name}-ok`), (found) => found.length > 0);
  assert.match(JSON.stringify(told), new RegExp(id));
  await start({ fail: 'no' });
  await until(() => mailbox('topic', `${name}-bad`), (found) => found.length > 0);
  await client.deleteFunctionAsyncInvokeConfig(fill('DeleteFunctionAsyncInvokeConfigRequest', { functionUrn: urn() }));
});

test('an asynchronous call runs and its record is read', async () => {
  const found = await start({ k: 'v' });
  assert.equal(found.httpStatusCode, 202);
  assert.equal((await ended(found.request_id)).status, 'SUCCESS');
  const failed = await start({ fail: 'disk is full' });
  assert.deepEqual([(await ended(failed.request_id)).status, (await record(failed.request_id)).error_code], ['FAIL', 4002]);
});

test('a running call is cancelled, and the client takes the answer', { skip: OLD && 'it cannot cancel' }, async () => {
  const { request_id: id } = await start({ sleep: 25 });
  await until(() => record(id), (one) => one?.status === 'RUNNING');
  const body = fill('CancelAsyncInvocationRequestBody', { requestId: id, type: 'force' });
  const asked = fill('CancelAsyncInvocationRequest', { functionUrn: urn(), body });
  assert.equal((await client.cancelAsyncInvocation(asked)).httpStatusCode, 200);
  const found = await ended(id);
  assert.deepEqual([found.status, found.error_code], ['FAIL', 4208]);
  const unknown = fill('CancelAsyncInvocationRequestBody', { requestId: 'none', type: 'force' });
  const error = await refused(
    client.cancelAsyncInvocation(fill('CancelAsyncInvocationRequest', { functionUrn: urn(), body: unknown })),
  );
  assert.equal(error.errorCode, 'FSS.0400');
});

test('versions and aliases are made, called and deleted', async () => {
  const body = fill('CreateFunctionVersionRequestBody', { version: 'v1', description: 'first' });
  await client.createFunctionVersion(fill('CreateFunctionVersionRequest', { functionUrn: urn(), body }));
  const alias = fill('CreateVersionAliasRequestBody', { name: 'prod', version: 'v1' });
  await client.createVersionAlias(fill('CreateVersionAliasRequest', { functionUrn: urn(), body: alias }));
  for (const which of [urn('v1'), urn('!prod')]) {
    assert.equal((await invoke({ k: which }, { which })).k, which);
    assert.equal((await start({ k: which }, which)).httpStatusCode, 202);
  }
  const listed = await client.listVersionAliases(fill('ListVersionAliasesRequest', { functionUrn: urn() }));
  assert.match(JSON.stringify(listed), /"name":"prod"/);
  await client.deleteVersionAlias(fill('DeleteVersionAliasRequest', { functionUrn: urn(), aliasName: 'prod' }));
  await client.deleteFunction(fill('DeleteFunctionRequest', { functionUrn: urn('v1') }));
});

test('tags are put, shown and taken away', { skip: OLD && 'it has none' }, async () => {
  const tags = [fill('KvItem', { key: 'team', value: 'a' })];
  const put = fill('UpdateFunctionTagsRequestBody', { action: 'create', tags });
  await client.createTags(fill('CreateTagsRequest', { resourceType: 'functions', resourceId: urn(''), body: put }));
  const asked = fill('ListFunctionTagsRequest', { resourceType: 'functions', resourceId: urn('') });
  assert.match(JSON.stringify(await client.listFunctionTags(asked)), /team/);
  const gone = fill('UpdateFunctionTagsRequestBody', { action: 'delete', tags });
  await client.deleteTags(fill('DeleteTagsRequest', { resourceType: 'functions', resourceId: urn(''), body: gone }));
});

test('a payload of the largest size is taken, one byte more is refused', async () => {
  const room = 256 * 1024 - JSON.stringify({ long: '' }).length;
  assert.equal((await start({ long: 'x'.repeat(room) })).httpStatusCode, 202);
  const error = await refused(start({ long: 'x'.repeat(room + 1) }));
  assert.deepEqual([error.httpStatusCode, error.errorCode], [413, 'FSS.1201']);
});

test('a wrong secret and an unknown key are refused', async () => {
  for (const other of [connect('wrong'), connect(ACCESS_KEY_SECRET, 'nobody')]) {
    const error = await refused(start({}, urn(), other));
    assert.deepEqual([error.httpStatusCode, error.errorCode], [401, 'FSS.0401']);
    assert.equal((await refused(invoke({}, {}, other))).errorCode, 'FSS.0401');
  }
});
