'use strict';
// @alicloud/fc2, the client of 2016-08-15: `FC ak:sig`, a `content-md5` that is base64 of the hex text, and
// a `Host` without the port.
const assert = require('node:assert/strict');
const { after, before, test } = require('node:test');
const {
  SERVICE, ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION, CLIENT, CODE, BINARY,
  archive, download, newName, refused, told,
} = require('./common');

const Client = require(CLIENT);
const OLD = CLIENT.endsWith('-old'); // without qualifiers, versions, tags and configurations

function connect(more = {}) {
  const endpoint = `http://${SERVICE}`;
  const made = new Client(ACCOUNT_ID, {
    accessKeyID: ACCESS_KEY_ID,
    accessKeySecret: ACCESS_KEY_SECRET,
    region: REGION,
    endpoint,
    ...more,
  });
  if (OLD) made.endpoint = endpoint; // its configuration has none; so its Host names the vendor
  return made;
}
const client = connect();
const service = newName('node1');
const FN = 'fn';
const ASYNC = { 'x-fc-invocation-type': 'Async' };

const invoke = (body, headers = {}, qualifier = undefined, via = client) =>
  via.invokeFunction(service, FN, body, headers, qualifier, { rawBuf: true });

before(async () => {
  const made = await client.createService(service, { description: 'sdk test' });
  assert.equal(made.data.serviceName, service);
  await client.createFunction(service, {
    functionName: FN,
    runtime: 'python3',
    handler: 'index.handler',
    code: { zipFile: CODE },
    memorySize: 128,
    timeout: 60,
  });
});

after(async () => {
  await client.deleteFunction(service, FN);
  await client.deleteService(service);
  assert.equal((await refused(client.getService(service))).code, 'ServiceNotFound');
});

test('services and functions are shown, listed, changed, and code is downloaded', async () => {
  const { data } = await client.listServices({ prefix: service });
  assert.deepEqual(data.services.map((one) => one.serviceName), [service]);
  const functions = (await client.listFunctions(service)).data.functions;
  assert.deepEqual(functions.map((one) => one.functionName), [FN]);
  assert.equal((await client.updateFunction(service, FN, { description: 'é' })).data.description, 'é');
  assert.equal((await client.updateService(service, { description: 'é' })).data.description, 'é');
  const code = (await client.getFunctionCode(service, FN)).data;
  assert.deepEqual(await download(code.url), archive());
});

for (const [what, body] of [['binary', BINARY], ['empty', ''], ['text', 'plain é']]) {
  test(`a synchronous call with a ${what} payload answers its bytes`, async () => {
    const { data } = await invoke(body, { 'x-fc-log-type': 'None' });
    // The oldest client reads every answer as text.
    const sent = OLD ? Buffer.from(body).toString('utf8') : Buffer.from(body);
    assert.deepEqual(OLD ? data : Buffer.from(data), sent);
  });
}

test('a synchronous call brings the end of the log, and a failed one its error', async () => {
  const { headers } = await invoke('{"a": 1}', { 'x-fc-log-type': 'Tail' });
  assert.match(Buffer.from(headers['x-fc-log-result'], 'base64').toString(), /asked \['a'\]/);
  const failed = await invoke('{"fail": "no"}');
  assert.equal(failed.headers['x-fc-error-type'], 'UnhandledInvocationError');
  assert.match(JSON.stringify(failed.data), /no/);
});

test('an asynchronous call runs', async () => {
  const more = { 'x-fc-async-delay': '0', 'x-fc-stateful-async-invocation-id': 't-1', 'x-fc-trace-id': 't' };
  const { headers } = await invoke('{"k": 1}', { ...ASYNC, ...more });
  assert.ok(headers['x-fc-request-id']);
  assert.ok((await invoke(BINARY, ASYNC)).headers['x-fc-request-id']);
  assert.ok((await invoke(undefined, ASYNC)).headers['x-fc-request-id']);
});

test('the asynchronous configuration is put, acts, is listed and deleted', { skip: OLD && 'it has none' }, async () => {
  const destination = `acs:mns:::/queues/${service}-ok/messages`;
  await client.putFunctionAsyncConfig(service, FN, 'LATEST', {
    maxAsyncEventAgeInSeconds: 300,
    maxAsyncRetryAttempts: 1,
    destinationConfig: { onSuccess: { destination } },
  });
  const got = (await client.getFunctionAsyncConfig(service, FN, 'LATEST')).data;
  assert.deepEqual([got.maxAsyncRetryAttempts, got.destinationConfig.onSuccess.destination], [1, destination]);
  const { headers } = await invoke('{"k": 3}', ASYNC);
  const record = await told(`${service}-ok`, headers['x-fc-request-id']);
  assert.equal(record.requestPayload, '{"k": 3}');
  assert.equal((await client.listFunctionAsyncConfigs(service, FN)).data.configs.length, 1);
  await client.deleteFunctionAsyncConfig(service, FN, 'LATEST');
});

test('versions and aliases are made, called and deleted', { skip: OLD && 'it has none' }, async () => {
  const version = (await client.publishVersion(service, 'first')).data.versionId;
  await client.createAlias(service, 'prod', version);
  for (const qualifier of ['prod', version]) {
    assert.equal((await invoke('via', {}, qualifier)).data.toString(), 'via');
    assert.ok((await invoke('{}', ASYNC, qualifier)).headers['x-fc-request-id']);
  }
  await client.updateAlias(service, 'prod', version, { description: 'x' });
  assert.equal((await client.getAlias(service, 'prod')).data.versionId, version);
  await client.deleteAlias(service, 'prod');
  await client.deleteVersion(service, version);
});

test('tags are put, shown and taken away', { skip: OLD && 'it has none' }, async () => {
  const arn = `acs:fc:${REGION}:${ACCOUNT_ID}:services/${service}`;
  await client.tagResource(arn, { team: 'a', more: 'b' });
  assert.deepEqual((await client.getResourceTags({ resourceArn: arn })).data.tags, { team: 'a', more: 'b' });
  await client.untagResource(arn, ['more']);
  assert.deepEqual((await client.getResourceTags({ resourceArn: arn })).data.tags, { team: 'a' });
  await client.untagResource(arn, [], true);
});

test('a payload of the largest size is taken, one byte more is refused', async () => {
  assert.ok((await invoke('x'.repeat(131072), ASYNC)).headers['x-fc-request-id']);
  assert.equal((await refused(invoke('x'.repeat(131073), ASYNC))).code, 'EntityTooLarge');
});

test('a wrong secret and an unknown key are refused', async () => {
  assert.equal((await refused(connect({ accessKeySecret: 'wrong' }).getService(service))).code, 'SignatureNotMatch');
  const wrong = connect({ accessKeySecret: 'wrong' });
  assert.equal((await refused(invoke('{}', ASYNC, undefined, wrong))).code, 'SignatureNotMatch');
  assert.equal((await refused(connect({ accessKeyID: 'nobody' }).getService(service))).code, 'InvalidAccessKeyID');
});
