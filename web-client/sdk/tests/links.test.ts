import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { linkFrom, takeLink } from '../src/links';

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function body(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}

/** A page at `/join` of a server that answers like this. */
async function page(status: number, answer: unknown, hash: string) {
  const asked: { url: string | undefined; method: string | undefined; body: string }[] = [];
  server = createServer((request, response) => {
    void body(request).then((text) => {
      asked.push({ url: request.url, method: request.method, body: text });
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const addresses: string[] = [];
  const window = {
    location: { hash, pathname: '/join', search: '', origin },
    history: {
      state: null,
      replaceState: (_state: unknown, _title: string, address: string) => addresses.push(address),
    },
  };
  return { asked, addresses, link: takeLink(window as unknown as Window) };
}

test('the secret leaves the address at once, and the server hears of it on the click alone', async () => {
  const { asked, addresses, link } = await page(200, { room: 'hearth', ticket: 'a.b.c' }, '#s3cret');
  expect(addresses).toEqual(['/join']);
  expect(asked).toEqual([]);
  expect(await link?.redeem()).toEqual({ room: 'hearth', ticket: 'a.b.c' });
  expect(asked).toEqual([{ url: '/v1/links/redeem', method: 'POST', body: '{"secret":"s3cret"}' }]);
});

test('an address without a secret is no link', async () => {
  const { addresses, link } = await page(200, {}, '');
  expect(link).toBeUndefined();
  expect(addresses).toEqual([]);
});

test('a refused link says so in the words of the server', async () => {
  const { link } = await page(403, { code: 'not_now', message: 'Please ask for a new link.' }, '#s3cret');
  await expect(link?.redeem()).rejects.toMatchObject({ code: 'bad_link', message: 'Please ask for a new link.' });
});

test('a server in trouble is not the fault of the link', async () => {
  const { link } = await page(503, 'out of order', '#s3cret');
  await expect(link?.redeem()).rejects.toMatchObject({ code: 'unreachable' });
});

test('a pasted link is taken only where it is of this server and has a secret', () => {
  const origin = 'https://hearth.example';
  expect(linkFrom(' https://hearth.example/join#s3cret ', origin)).toBeDefined();
  expect(linkFrom('https://hearth.example/join', origin)).toBeUndefined();
  expect(linkFrom('https://elsewhere.example/join#s3cret', origin)).toBeUndefined();
  expect(linkFrom('not an address', origin)).toBeUndefined();
});
