'use strict';
// @alicloud/fc-open20210406 from the creation of a service to its deletion. It signs `x-acs-…`, `host` and
// `content-type` only, and sends its account id with every operation.
const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const {
  ACCOUNT_ID, REGION, CLIENT, CODE, BINARY, FINAL,
  archive, bytes, download, newName, openApi, refused, told, until,
} = require('./common');

const models = require(CLIENT);
const Client = models.default;
const OLD = CLIENT.endsWith('-old'); // without the header that makes one call a task
const { Config } = require('@alicloud/openapi-client');
const { RuntimeOptions } = require('@alicloud/tea-util');

const connect = (more) => openApi(Client, Config, more);
const client = connect();
const runtime = new RuntimeOptions({ readTimeout: 60000 });
const service = newName('node2');
const FN = 'fn';
const arn = `acs:fc:${REGION}:${ACCOUNT_ID}:services/${service}`;
const queue = (of) => `acs:mns:${REGION}:${ACCOUNT_ID}:/queues/${service}-${of}/messages`;
const account = { xFcAccountId: ACCOUNT_ID, xFcTraceId: 't' };

function invoke(body, { qualifier, common, ...headers } = {}, via = client) {
  return via.invokeFunctionWithOptions(
    service,
    FN,
    new models.InvokeFunctionRequest({ qualifier, body: body && Buffer.from(body) }),
    new models.InvokeFunctionHeaders({ ...account, ...headers, commonHeaders: common }),
    runtime,
  );
}

const start = (body, id, more = {}) =>
  invoke(body, { xFcInvocationType: 'Async', xFcLogType: 'None', xFcStatefulAsyncInvocationId: id, ...more });

async function getTask(id) {
  const asked = new models.GetStatefulAsyncInvocationRequest({});
  return (await client.getStatefulAsyncInvocation(service, FN, id, asked)).body;
}

before(async () => {
  const made = await client.createServiceWithOptions(
    new models.CreateServiceRequest({ serviceName: service, description: 'sdk test' }),
    new models.CreateServiceHeaders(account),
    runtime,
  );
  assert.equal(made.body.serviceName, service);
  const function_ = await client.createFunctionWithOptions(
    service,
    new models.CreateFunctionRequest({
      functionName: FN,
      runtime: 'python3.10',
      handler: 'index.handler',
      code: new models.Code({ zipFile: CODE }),
      memorySize: 128,
      timeout: 60,
    }),
    new models.CreateFunctionHeaders(account),
    runtime,
  );
  assert.equal(function_.body.functionName, FN);
});

after(async () => {
  await client.deleteFunctionWithOptions(service, FN, new models.DeleteFunctionHeaders(account), runtime);
  const asked = new models.ListServiceVersionsRequest({});
  for (const one of (await client.listServiceVersions(service, asked)).body.versions) {
    await client.deleteServiceVersion(service, one.versionId);
  }
  await client.deleteService(service);
  const error = await refused(client.getService(service, new models.GetServiceRequest({})));
  assert.equal(error.code, 'ServiceNotFound');
});

test('services and functions are shown, listed, changed, and code is downloaded', async () => {
  const services = (await client.listServices(new models.ListServicesRequest({ prefix: service }))).body;
  assert.deepEqual(services.services.map((one) => one.serviceName), [service]);
  const functions = (await client.listFunctions(service, new models.ListFunctionsRequest({}))).body;
  assert.deepEqual(functions.functions.map((one) => one.functionName), [FN]);
  const changed = await client.updateFunction(service, FN, new models.UpdateFunctionRequest({ description: 'é' }));
  assert.equal(changed.body.description, 'é');
  const code = (await client.getFunctionCode(service, FN, new models.GetFunctionCodeRequest({}))).body;
  assert.deepEqual(await download(code.url), archive());
});

for (const [what, body] of [['binary', BINARY], ['empty', undefined], ['text', 'plain é']]) {
  test(`a synchronous call with a ${what} payload answers its bytes`, async () => {
    const answer = await invoke(body, { xFcInvocationType: 'Sync' });
    assert.equal(answer.statusCode, 200);
    // The client makes a text of a body before it sends it.
    const sent = Buffer.from(Buffer.from(body ?? '').toString('utf8'));
    assert.deepEqual(await bytes(answer.body), sent);
  });
}

test('a synchronous call brings the end of the log, and a failed one its error', async () => {
  const answer = await invoke('{"a": 1}', { xFcInvocationType: 'Sync', xFcLogType: 'Tail' });
  assert.match(Buffer.from(answer.headers['x-fc-log-result'], 'base64').toString(), /asked \['a'\]/);
  const failed = await invoke('{"fail": "no"}', { xFcInvocationType: 'Sync' });
  assert.equal(failed.headers['x-fc-error-type'], 'UnhandledInvocationError');
});

test('the asynchronous configuration is put, shown and listed', async () => {
  const to = (of) => new models.Destination({ destination: queue(of) });
  const put = await client.putFunctionAsyncInvokeConfig(
    service,
    FN,
    new models.PutFunctionAsyncInvokeConfigRequest({
      qualifier: 'LATEST',
      statefulInvocation: true,
      maxAsyncRetryAttempts: 0,
      maxAsyncEventAgeInSeconds: 3600,
      destinationConfig: new models.DestinationConfig({ onSuccess: to('ok'), onFailure: to('bad') }),
    }),
  );
  assert.deepEqual([put.body.statefulInvocation, put.body.maxAsyncRetryAttempts], [true, 0]);
  const asked = new models.GetFunctionAsyncInvokeConfigRequest({ qualifier: 'LATEST' });
  const got = (await client.getFunctionAsyncInvokeConfig(service, FN, asked)).body;
  assert.equal(got.destinationConfig.onSuccess.destination, queue('ok'));
  const all = new models.ListFunctionAsyncInvokeConfigsRequest({ limit: 20 });
  assert.equal((await client.listFunctionAsyncInvokeConfigs(service, FN, all)).body.configs.length, 1);
});

test('an asynchronous call with every header that it may have runs, and its end is told', async () => {
  const answer = await start('{"k": 2}', 'call-1', {
    qualifier: 'LATEST', xFcDate: new Date().toUTCString(), common: { 'x-fc-async-delay': '1' },
    ...(OLD ? {} : { xFcStatefulAsyncInvocationEnable: 'true' }),
  });
  assert.equal(answer.statusCode, 202);
  const done = await until(() => getTask('call-1'), (one) => FINAL.includes(one.status));
  assert.equal(done.status, 'Succeeded');
  if (!OLD) assert.equal(done.returnPayload, '{"k": 2}'); // its model has none
  const record = await told(`${service}-ok`, answer.headers['x-fc-request-id']);
  assert.equal(record.requestPayload, '{"k": 2}');
  assert.equal((await refused(start('{}', 'call-1'))).code, 'StatefulAsyncInvocationAlreadyExists');
});

test('tasks are listed and stopped', async () => {
  await start('{}', 'call-later', { common: { 'x-fc-async-delay': '600' } });
  await client.stopStatefulAsyncInvocation(
    service, FN, 'call-later', new models.StopStatefulAsyncInvocationRequest({}),
  );
  assert.equal((await getTask('call-later')).status, 'Stopped');
  const asked = new models.ListStatefulAsyncInvocationsRequest({ invocationIdPrefix: 'call-', sortOrderByTime: 'asc' });
  const listed = (await client.listStatefulAsyncInvocations(service, FN, asked)).body.invocations;
  assert.deepEqual(listed.map((one) => one.invocationId), ['call-1', 'call-later']);
});

test('versions and aliases of a service are made, called and deleted', async () => {
  const asked = new models.PublishServiceVersionRequest({ description: 'first' });
  const version = (await client.publishServiceVersion(service, asked)).body.versionId;
  await client.createAlias(service, new models.CreateAliasRequest({ aliasName: 'prod', versionId: version }));
  for (const qualifier of ['prod', version]) {
    assert.equal((await bytes((await invoke('via', { qualifier })).body)).toString(), 'via');
    assert.equal((await start('{}', undefined, { qualifier })).statusCode, 202);
  }
  await client.updateAlias(service, 'prod', new models.UpdateAliasRequest({ description: 'x' }));
  await client.deleteAlias(service, 'prod');
  assert.equal((await refused(invoke('{}', { qualifier: 'prod' }))).code, 'AliasNotFound');
});

test('tags are put, shown and taken away', async () => {
  const tags = { team: 'a', more: 'b' };
  await client.tagResource(new models.TagResourceRequest({ resourceArn: arn, tags }));
  const asked = new models.GetResourceTagsRequest({ resourceArn: arn });
  assert.deepEqual((await client.getResourceTags(asked)).body.tags, tags);
  await client.untagResource(new models.UntagResourceRequest({ resourceArn: arn, tagKeys: ['more'], all: false }));
  assert.deepEqual((await client.getResourceTags(asked)).body.tags, { team: 'a' });
  await client.untagResource(new models.UntagResourceRequest({ resourceArn: arn, all: true }));
});

test('the ceiling of instances is put, shown and deleted', async () => {
  const ceiling = new models.PutFunctionOnDemandConfigRequest({ qualifier: 'LATEST', maximumInstanceCount: 3 });
  await client.putFunctionOnDemandConfig(service, FN, ceiling);
  const asked = new models.GetFunctionOnDemandConfigRequest({ qualifier: 'LATEST' });
  assert.equal((await client.getFunctionOnDemandConfig(service, FN, asked)).body.maximumInstanceCount, 3);
  const gone = new models.DeleteFunctionOnDemandConfigRequest({ qualifier: 'LATEST' });
  await client.deleteFunctionOnDemandConfig(service, FN, gone);
});

test('a payload of the largest size is taken, one byte more is refused', async () => {
  for (const body of ['x'.repeat(131072), BINARY, undefined]) {
    assert.equal((await start(body)).statusCode, 202);
  }
  assert.equal((await refused(start('x'.repeat(131073)))).code, 'EntityTooLarge');
});

test('a wrong secret and an unknown key are refused', async () => {
  const wrong = connect({ accessKeySecret: 'wrong' });
  assert.equal((await refused(wrong.getService(service, new models.GetServiceRequest({})))).code, 'SignatureNotMatch');
  assert.equal((await refused(invoke('{}', {}, wrong))).code, 'SignatureNotMatch');
  assert.equal((await refused(invoke('{}', {}, connect({ accessKeyId: 'nobody' })))).code, 'InvalidAccessKeyID');
});

test('the asynchronous configuration is deleted', async () => {
  const asked = new models.DeleteFunctionAsyncInvokeConfigRequest({ qualifier: 'LATEST' });
  await client.deleteFunctionAsyncInvokeConfig(service, FN, asked);
  const gone = new models.GetFunctionAsyncInvokeConfigRequest({ qualifier: 'LATEST' });
  assert.equal((await refused(client.getFunctionAsyncInvokeConfig(service, FN, gone))).code, 'AsyncConfigNotExists');
});
