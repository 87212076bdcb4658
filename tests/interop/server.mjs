// Starts both on free loopback ports, prints one line of JSON that says where, and runs until its standard input ends.

import { createServer } from 'node:http';
import { once } from 'node:events';
import { createApi, scope } from './api.mjs';
import { clients, createProvider } from './provider.mjs';
import { users } from './users.mjs';

/** Listens before it is known who answers: the issuer's address is a part of what answers. */
async function listen() {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

const op = await listen();
const rs = await listen();
const issuer = op.origin;
const api = `${rs.origin}/api`;

op.server.on('request', createProvider(issuer, { resource: api, scope }).callback());
rs.server.on('request', createApi({ issuer, audience: api }));

process.stdin.on('close', () => process.exit(0)).resume();
console.log(JSON.stringify({
  ok: true, issuer, api, client_id: clients.RS256, client_id_es256: clients.ES256, resource: api, users,
}));
