'use strict';
// Loaded before a client: it may connect to loopback and to nothing else. A client that dials its
// vendor would look like a slow test, and would tell somebody that the tests run.
const dns = require('node:dns');
const net = require('node:net');

const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost']);

function refuse(what) {
  process.stderr.write(`a client dials out: ${what}\n`);
  process.exit(97);
}

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function guarded(...given) {
  const [options] = Array.isArray(given[0]) ? given[0] : given;
  const host = typeof options === 'object' ? options.host : given[1];
  if (host !== undefined && host !== null && !LOOPBACK.has(host)) refuse(host);
  return connect.apply(this, given);
};
for (const place of [dns, dns.promises]) {
  const lookup = place.lookup;
  place.lookup = (host, ...rest) => (LOOPBACK.has(host) ? lookup(host, ...rest) : refuse(host));
}
