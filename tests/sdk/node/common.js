'use strict';
// What the tests of all clients share. The service, its credentials and the functions' code come in
// the environment; the client under test is named by CLIENT.
const assert = require('node:assert/strict');
const crypto = require('node:crypto');

const { SERVICE, ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION, CLIENT, CODE } = process.env;
const BINARY = Buffer.from([...Array(256).keys()]);
const FINAL = ['Succeeded', 'Failed', 'Stopped', 'Expired', 'Invalid'];

/** What `look()` answers as soon as `wanted` is true of it. The client polls, as users do. */
async function until(look, wanted, seconds = 30) {
  const ends = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (wanted(found)) return found;
    assert.ok(Date.now() < ends, `still ${JSON.stringify(found)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The messages of a box of the built-in mailbox, decoded, by the native door. */
async function mailbox(kind, name) {
  const answer = await fetch(`http://${SERVICE}/v1/mailbox/${kind}/${name}`, {
    headers: { authorization: `Bearer ${ACCESS_KEY_ID}:${ACCESS_KEY_SECRET}` },
  });
  const { items } = await answer.json();
  return items.map(({ body }) => (typeof body === 'string' ? JSON.parse(body) : body));
}

/** The record of that call of Function Compute in a queue of the mailbox, once it is there. */
async function told(queue, requestId) {
  const look = async () =>
    (await mailbox('queue', queue)).filter((one) => one.requestContext.requestId === requestId);
  return (await until(look, (found) => found.length > 0))[0];
}

/** The error of a call that must be refused. */
async function refused(call) {
  try {
    await call;
  } catch (error) {
    return error;
  }
  return assert.fail('it was not refused');
}

async function bytes(stream) {
  if (stream === undefined || stream === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(stream)) return stream;
  if (typeof stream === 'string') return Buffer.from(stream);
  const parts = [];
  for await (const part of stream) parts.push(Buffer.from(part));
  return Buffer.concat(parts);
}

/** The archive behind a link. */
async function download(url) {
  assert.ok(url.startsWith(`http://${SERVICE}/`), url);
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  return Buffer.from(await answer.arrayBuffer());
}

/** A client of the OpenAPI kind. more: other settings than these. */
function openApi(Client, Config, more = {}) {
  const config = {
    accessKeyId: ACCESS_KEY_ID,
    accessKeySecret: ACCESS_KEY_SECRET,
    endpoint: SERVICE,
    protocol: 'http',
    regionId: REGION,
  };
  return new Client(new Config({ ...config, ...more }));
}

const newName = (what) => `${what}-${crypto.randomBytes(4).toString('hex')}`;
const archive = () => Buffer.from(CODE, 'base64');

module.exports = {
  SERVICE, ACCESS_KEY_ID, ACCESS_KEY_SECRET, ACCOUNT_ID, REGION, CLIENT, CODE, BINARY, FINAL,
  archive, bytes, download, mailbox, newName, openApi, refused, told, until,
};
