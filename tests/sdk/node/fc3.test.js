'use strict';
// @alicloud/fc20230330 from the creation of a function to its deletion: what signs `x-acs-…`, `host` and
// `content-type` only. Serverless Devs' `s invoke` sends what this client sends.
const assert = require('node:assert/strict');
const { Readable } = require('node:stream');
const { after, before, test } = require('node:test');
const {
  ACCOUNT_ID, REGION, CLIENT, CODE, BINARY, FINAL,
  archive, bytes, download, newName, openApi, refused, told, until,
} = require('./common');

const models = require(CLIENT);
const Client = models.default;
const OLD = CLIENT.endsWith('-old'); // without tasks and the switch
const { Config } = OLD
  ? require('@alicloud/openapi-client')
  : require('@alicloud/openapi-core').$OpenApiUtil;
const { RuntimeOptions } = require('@alicloud/tea-util');

const connect = (more) => openApi(Client, Config, more);
const client = connect();
const name = newName('node3');
const arn = `acs:fc:${REGION}:${ACCOUNT_ID}:functions/${name}`;
const queue = (of) => `acs:mns:${REGION}:${ACCOUNT_ID}:/queues/${name}-${of}/messages`;

function invoke(body, { qualifier, ...headers } = {}, via = client) {
  const { type, log, task, ...common } = headers;
  return via.invokeFunctionWithOptions(
    name,
    new models.InvokeFunctionRequest({
      qualifier,
      body: body === undefined ? undefined : Readable.from([Buffer.from(body)]),
    }),
    new models.InvokeFunctionHeaders({
      xFcInvocationType: type,
      xFcLogType: log,
      commonHeaders: { ...(task && { 'x-fc-async-task-id': task }), ...common },
    }),
    new RuntimeOptions({ readTimeout: 60000 }),
  );
}

const getTask = async (id, qualifier) =>
  (await client.getAsyncTask(name, id, new models.GetAsyncTaskRequest({ qualifier }))).body;
const ended = (id) => until(() => getTask(id), (one) => FINAL.includes(one.status));

function putConfig(qualifier, fields) {
  const body = new models.PutAsyncInvokeConfigInput(fields);
  return client.putAsyncInvokeConfig(
    name,
    new models.PutAsyncInvokeConfigRequest({ qualifier, body }),
  );
}

function to(of) {
  return new models.Destination({ destination: queue(of) });
}

before(async () => {
  const body = new models.CreateFunctionInput({
    functionName: name,
    runtime: 'python3.10',
    handler: 'index.handler',
    code: new models.InputCodeLocation({ zipFile: CODE }),
    memorySize: 128,
    timeout: 60,
    environmentVariables: { SMOKE: '1' },
  });
  const made = (await client.createFunction(new models.CreateFunctionRequest({ body }))).body;
  assert.deepEqual([made.functionName, made.handler], [name, 'index.handler']);
});

after(async () => {
  await client.deleteFunction(name);
  const error = await refused(client.getFunction(name, new models.GetFunctionRequest({})));
  assert.equal(error.code, 'FunctionNotFound');
});

test('a function is shown, listed, changed, and its code is downloaded', async () => {
  const shown = (await client.getFunction(name, new models.GetFunctionRequest({}))).body;
  assert.deepEqual([shown.timeout, shown.memorySize], [60, 128]);
  assert.deepEqual(shown.environmentVariables, { SMOKE: '1' });
  const listed = await client.listFunctions(new models.ListFunctionsRequest({ prefix: name, limit: 5 }));
  assert.deepEqual(listed.body.functions.map((one) => one.functionName), [name]);
  const body = new models.UpdateFunctionInput({ description: 'änderung' });
  const changed = await client.updateFunction(name, new models.UpdateFunctionRequest({ body }));
  assert.equal(changed.body.description, 'änderung');
  const code = (await client.getFunctionCode(name, new models.GetFunctionCodeRequest({}))).body;
  assert.deepEqual(await download(code.url), archive());
});

for (const [what, body] of [['binary', BINARY], ['empty', ''], ['text', 'plain é']]) {
  test(`a synchronous call with a ${what} payload answers its bytes`, async () => {
    const answer = await invoke(body, { type: 'Sync', log: 'None' });
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(await bytes(answer.body), Buffer.from(body));
  });
}

test('a call without a body is an empty one', async () => {
  assert.equal((await bytes((await invoke(undefined)).body)).length, 0);
});

test('a synchronous call brings the end of the log, and a failed one its error', async () => {
  const answer = await invoke('{"a": 1}', { type: 'Sync', log: 'Tail' });
  const log = Buffer.from(answer.headers['x-fc-log-result'], 'base64').toString();
  assert.match(log, /asked \['a'\]/);
  const failed = await invoke('{"fail": "disk is full"}', { type: 'Sync', log: 'Tail' });
  assert.deepEqual([failed.statusCode, failed.headers['x-fc-error-type']], [200, 'UnhandledInvocationError']);
  assert.equal(JSON.parse(await bytes(failed.body)).errorMessage, 'disk is full');
});

test('the asynchronous configuration is put, shown, listed and deleted', async () => {
  const put = await putConfig('LATEST', {
    maxAsyncRetryAttempts: 0,
    maxAsyncEventAgeInSeconds: 3600,
    destinationConfig: new models.DestinationConfig({ onSuccess: to('ok'), onFailure: to('bad') }),
    ...(OLD ? {} : { asyncTask: true }),
  });
  assert.equal(put.body.maxAsyncRetryAttempts, 0);
  const asked = new models.GetAsyncInvokeConfigRequest({ qualifier: 'LATEST' });
  const got = (await client.getAsyncInvokeConfig(name, asked)).body;
  assert.equal(got.destinationConfig.onFailure.destination, queue('bad'));
  assert.equal(got.maxAsyncEventAgeInSeconds, 3600);
  const listed = await client.listAsyncInvokeConfigs(
    new models.ListAsyncInvokeConfigsRequest({ functionName: name, limit: 20 }),
  );
  assert.deepEqual(listed.body.configs.map((one) => one.functionArn), [got.functionArn]);
});

test('an asynchronous call with every header that it may have runs, and its end is told', async () => {
  const answer = await invoke('{"k": 1}', {
    type: 'Async', log: 'None', task: 'task-1', qualifier: 'LATEST',
    'x-fc-async-delay': '1', 'x-fc-account-id': ACCOUNT_ID, 'x-fc-trace-id': 't',
    'x-fc-stateful-async-invocation-enable': 'true',
  });
  assert.equal(answer.statusCode, 202);
  assert.equal(answer.headers['x-fc-async-task-id'], 'task-1');
  const record = await told(`${name}-ok`, answer.headers['x-fc-request-id']);
  assert.equal(record.requestPayload, '{"k": 1}');
  const twice = { type: 'Async', task: 'task-1', 'x-fc-stateful-async-invocation-enable': 'true' };
  const again = await refused(invoke('{}', twice));
  assert.equal(again.code, 'AsyncTaskAlreadyExists');
});

test('a failed asynchronous call is told to its destination', async () => {
  const { headers } = await invoke('{"fail": "no"}', { type: 'Async', log: 'None' });
  const record = await told(`${name}-bad`, headers['x-fc-request-id']);
  assert.equal(record.requestContext.condition, 'UnhandledInvocationError');
});

test('tasks are shown, listed and stopped', { skip: OLD && 'it has no tasks' }, async () => {
  await invoke('{"k": 2}', { type: 'Async', task: 'task-2' });
  const done = await ended('task-2');
  assert.deepEqual([done.status, done.taskPayload, done.returnPayload], ['Succeeded', '{"k": 2}', '{"k": 2}']);
  await invoke('{}', { type: 'Async', task: 'task-later', 'x-fc-async-delay': '600' });
  assert.equal((await getTask('task-later')).status, 'Enqueued');
  await client.stopAsyncTask(name, 'task-later', new models.StopAsyncTaskRequest({}));
  assert.equal((await getTask('task-later')).status, 'Stopped');
  const listed = await client.listAsyncTasks(
    name,
    new models.ListAsyncTasksRequest({ prefix: 'task-', sortOrderByTime: 'asc', limit: 10 }),
  );
  assert.deepEqual(listed.body.tasks.map((one) => one.taskId), ['task-1', 'task-2', 'task-later']);
});

test('versions and aliases are made, called and deleted', async () => {
  const body = new models.PublishVersionInput({ description: 'first' });
  const version = (
    await client.publishFunctionVersion(name, new models.PublishFunctionVersionRequest({ body }))
  ).body.versionId;
  await client.createAlias(
    name,
    new models.CreateAliasRequest({
      body: new models.CreateAliasInput({ aliasName: 'prod', versionId: version }),
    }),
  );
  for (const qualifier of ['prod', version]) {
    const answer = await invoke('via', { qualifier });
    assert.equal((await bytes(answer.body)).toString(), 'via');
    assert.equal((await invoke('{}', { qualifier, type: 'Async' })).statusCode, 202);
  }
  await putConfig('prod', { maxAsyncRetryAttempts: 8 });
  await client.deleteAsyncInvokeConfig(
    name,
    new models.DeleteAsyncInvokeConfigRequest({ qualifier: 'prod' }),
  );
  const aliases = (await client.listAliases(name, new models.ListAliasesRequest({}))).body.aliases;
  assert.deepEqual(aliases.map((one) => one.aliasName), ['prod']);
  await client.deleteAlias(name, 'prod');
  await client.deleteFunctionVersion(name, version);
});

test('tags are put, shown and taken away', async () => {
  const tag = [new models.Tag({ key: 'team', value: 'a' })];
  const body = new models.TagResourcesInput({ resourceId: [arn], resourceType: 'function', tag });
  await client.tagResources(new models.TagResourcesRequest({ body }));
  const asked = new models.ListTagResourcesRequest({ resourceId: [arn], resourceType: 'function' });
  const rows = (await client.listTagResources(asked)).body.tagResources;
  assert.deepEqual(rows.map((one) => [one.tagKey, one.tagValue]), [['team', 'a']]);
  await client.untagResources(
    new models.UntagResourcesRequest({ resourceId: [arn], resourceType: 'function', tagKey: ['team'] }),
  );
  assert.deepEqual((await client.listTagResources(asked)).body.tagResources ?? [], []);
});

test('the first way of tagging names resource and keys in the query', { skip: !OLD && 'it has no such methods' }, async () => {
  const body = new models.TagResourceInput({ resourceArn: arn, resourceType: 'function', tags: { a: '1', b: '2' } });
  await client.tagResource(new models.TagResourceRequest({ body }));
  const asked = new models.GetResourceTagsRequest({ arn });
  assert.deepEqual((await client.getResourceTags(asked)).body.tags, { a: '1', b: '2' });
  await client.untagResource(new models.UntagResourceRequest({ arn, tagKeys: 'a', all: false }));
  assert.deepEqual((await client.getResourceTags(asked)).body.tags, { b: '2' });
  await client.untagResource(new models.UntagResourceRequest({ arn, all: true }));
});

test('concurrency is reserved, and a function is switched off and on', async () => {
  const body = new models.PutConcurrencyInput({ reservedConcurrency: 5 });
  await client.putConcurrencyConfig(name, new models.PutConcurrencyConfigRequest({ body }));
  assert.equal((await client.getConcurrencyConfig(name)).body.reservedConcurrency, 5);
  await client.deleteConcurrencyConfig(name);
  if (OLD) return;
  await client.disableFunctionInvocation(name, new models.DisableFunctionInvocationRequest({ reason: 'x' }));
  assert.equal((await refused(invoke('{}'))).code, 'AccessDenied');
  await client.enableFunctionInvocation(name);
});

test('a payload of the largest size is taken, one byte more is refused', async () => {
  assert.equal((await invoke('x'.repeat(131072), { type: 'Async' })).statusCode, 202);
  assert.equal((await invoke(BINARY, { type: 'Async' })).statusCode, 202);
  assert.equal((await invoke('', { type: 'Async' })).statusCode, 202);
  assert.equal((await refused(invoke('x'.repeat(131073), { type: 'Async' }))).code, 'EntityTooLarge');
});

test('a wrong secret and an unknown key are refused', async () => {
  const wrong = connect({ accessKeySecret: 'wrong' });
  assert.equal((await refused(wrong.getFunction(name, new models.GetFunctionRequest({})))).code, 'SignatureNotMatch');
  assert.equal((await refused(invoke('{}', { type: 'Async', task: 'never' }, wrong))).code, 'SignatureNotMatch');
  const unknown = connect({ accessKeyId: 'nobody' });
  assert.equal((await refused(invoke('{}', {}, unknown))).code, 'InvalidAccessKeyID');
});
