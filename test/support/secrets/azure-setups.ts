import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import type { Environment } from '../../../services/config/environment.ts'
import { fakeAzure, listenOnLoopback, pixelPng } from '../fake-azure.ts'
import { echoingAzure, type ReceivedRequest, rawServer, type Setup, secrets } from './harness.ts'

const entities = (text: string) => [...text].map((character) => `&#${character.codePointAt(0)};`).join('')
const base64 = (text: string) => Buffer.from(text).toString('base64')
const sentence = ({ key, prompt }: ReceivedRequest) => `The request with key ${key} failed for the prompt "${prompt}".`
/** Secrets and the prompt in every text that Azure returns. */
const everywhere = (reported: ReceivedRequest) => ({
  code: reported.prompt,
  type: reported.key,
  param: reported.prompt,
  message: sentence(reported),
  innererror: {
    code: reported.key,
    content_filter_results: { [reported.prompt]: { filtered: true }, hate: { filtered: false } },
  },
  details: [{ code: reported.prompt, message: reported.key }],
})

const statuses = [202, 400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]
const byStatus = statuses.map(
  (status): Setup => ({
    name: `Azure answers ${status} and quotes key and prompt everywhere`,
    prepare: (t) =>
      echoingAzure(t, (reported) => ({
        status,
        body: JSON.stringify({ error: everywhere(reported) }),
        headers: { 'retry-after': '3600' },
      })),
  }),
)

const pages = [400, 403, 502, 503].map(
  (status): Setup => ({
    name: `a gateway answers ${status} with a page that quotes key and prompt`,
    prepare: (t) =>
      echoingAzure(t, (reported) => ({
        status,
        body: `<html><title>${entities(reported.prompt)}</title><p>${reported.prompt} ${reported.key}</p></html>`,
        headers: { 'content-type': 'text/html' },
      })),
  }),
)

const writings: readonly [string, (text: string) => string][] = [
  ['in upper case', (text) => text.toUpperCase()],
  ['in base64', base64],
  ['in hexadecimal', (text) => Buffer.from(text).toString('hex')],
  ['percent-encoded', encodeURIComponent],
  ['escaped for JSON twice', (text) => JSON.stringify(JSON.stringify(text))],
  [
    'letter by letter',
    (text) => [...text].map((character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
  ],
  ['as entities', entities],
  ['cut', (text) => `${text.slice(0, 12)}…`],
  ['from the middle', (text) => text.slice(4)],
  ['backwards', (text) => [...text].reverse().join('')],
]
const byWriting = writings.map(
  ([how, write]): Setup => ({
    name: `Azure quotes key and prompt ${how}`,
    prepare: (t) =>
      echoingAzure(t, ({ key, prompt }) => ({
        status: 400,
        body: JSON.stringify({ error: { code: write(key), message: `Rejected: ${write(prompt)} (${write(key)})` } }),
      })),
  }),
)

const headerEchoes: readonly [string, (reported: ReceivedRequest) => Record<string, string>, number][] = [
  ['x-request-id', ({ key }) => ({ 'x-request-id': key }), 400],
  ['apim-request-id', ({ key }) => ({ 'apim-request-id': `${key}-${encodeURIComponent('crimson')}` }), 500],
  ['apim-request-id in base64', ({ key }) => ({ 'apim-request-id': Buffer.from(key).toString('base64url') }), 200],
  [
    'a redirect',
    ({ key, prompt }) => ({ location: `https://example.com/${encodeURIComponent(prompt)}?key=${key}` }),
    302,
  ],
  ['a redirect that keeps the method', ({ key }) => ({ location: `https://${key}@example.com/` }), 307],
  ['www-authenticate', ({ key }) => ({ 'www-authenticate': `Bearer realm="${key}"` }), 401],
  ['retry-after', ({ key }) => ({ 'retry-after': key }), 503],
]
const byHeader = headerEchoes.map(
  ([what, headers, status]): Setup => ({
    name: `Azure echoes into the header of ${what}`,
    prepare: (t) =>
      echoingAzure(t, (reported) => ({ status, body: '{"error":{"code":"x"}}', headers: headers(reported) })),
  }),
)

const stream = { 'content-type': 'text/event-stream' }
const bodies: readonly [string, (reported: ReceivedRequest) => string, Record<string, string>?][] = [
  ['that is no JSON', sentence],
  [
    'without an image',
    (reported) =>
      JSON.stringify({
        data: [{ finish_reason: reported.prompt, error: everywhere(reported), message: reported.key }],
      }),
  ],
  [
    'that the filter took',
    (reported) =>
      JSON.stringify({
        data: [
          {
            content_filter_results: { [reported.key]: { filtered: true }, hate: { filtered: true } },
            revised_prompt: reported.prompt,
          },
        ],
      }),
  ],
  [
    'with an image and a text',
    (reported) =>
      JSON.stringify({
        data: [{ b64_json: pixelPng, revised_prompt: reported.prompt }],
        usage: { [reported.key]: 1 },
        error: everywhere(reported),
      }),
  ],
  ['that stops inside an image', (reported) => `{"x":${JSON.stringify(sentence(reported))},"data":[{"b64_json":"iVBO`],
  ['whose image is the text', (reported) => JSON.stringify({ data: [{ b64_json: base64(sentence(reported)) }] })],
  [
    'with a nested error in a stream',
    (reported) => `data: ${JSON.stringify({ type: 'error', error: everywhere(reported) })}\n\n`,
    stream,
  ],
  [
    'with a flat error in a stream',
    (reported) => `data: ${JSON.stringify({ ...everywhere(reported), type: 'error' })}\n\n`,
    stream,
  ],
  ['with garbage in a stream', (reported) => `data: {${sentence(reported)}\n\n`, stream],
  ['that ends without an image in a stream', (reported) => `: ${reported.key}\n\ndata: [DONE]\n\n`, stream],
  [
    'with a link that carries a credential',
    () => JSON.stringify({ data: [{ url: `https://u:${secrets.linkCredential}@localhost/a.png` }] }),
  ],
  [
    'with a link that leads nowhere',
    () => JSON.stringify({ data: [{ url: `https://localhost:1/a.png?sig=${secrets.linkCredential}` }] }),
  ],
  [
    'with a link to another host',
    () => JSON.stringify({ data: [{ url: `https://${secrets.linkCredential}.example/a.png` }] }),
  ],
  ['with a link that is none', (reported) => JSON.stringify({ data: [{ url: sentence(reported) }] })],
]
const byBody = bodies.map(
  ([what, write, headers = {}]): Setup => ({
    name: `Azure answers 200 ${what}`,
    prepare: (t) =>
      echoingAzure(t, (reported) => ({ status: 200, body: write(reported), headers }), {
        AZURE_IMAGE_HOSTS: 'localhost',
      }),
  }),
)

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')
const tls = { key: fixture('localhost.key'), cert: fixture('localhost.crt') }

const connections: readonly Setup[] = [
  { name: 'Azure is down', prepare: () => ({ AZURE_BASE_URL: 'http://127.0.0.1:9' }) },
  { name: 'the name of Azure does not exist', prepare: () => ({ AZURE_BASE_URL: 'http://azure.invalid' }) },
  {
    name: 'Azure resets every connection',
    prepare: async (t) => ({
      AZURE_BASE_URL: `http://127.0.0.1:${await rawServer(t, (socket) => socket.resetAndDestroy())}`,
    }),
  },
  {
    name: 'Azure speaks something else and repeats what it hears',
    prepare: async (t) => ({
      AZURE_BASE_URL: `http://127.0.0.1:${await rawServer(t, (socket, text) => socket.end(text))}`,
    }),
  },
  {
    name: 'Azure repeats what it hears in a header that is none',
    prepare: async (t) => ({
      AZURE_BASE_URL: `http://127.0.0.1:${await rawServer(t, (socket, text) => socket.end(`HTTP/1.1 200 OK\r\n${text.replaceAll('\r\n', ' ')}\r\n\r\n`))}`,
    }),
  },
  {
    name: 'Azure says nothing until the deadline',
    prepare: async (t) => ({ AZURE_BASE_URL: `http://127.0.0.1:${await rawServer(t, () => {})}` }),
  },
  {
    name: 'the certificate of Azure is signed by itself',
    prepare: async (t) => ({
      AZURE_BASE_URL: (await fakeAzure(t, (_request, response) => response.end('{}'), tls)).url.replace(
        '127.0.0.1',
        'localhost',
      ),
    }),
  },
  {
    name: 'the certificate of Azure is for another host',
    prepare: async (t) => ({
      AZURE_BASE_URL: (await fakeAzure(t, (_request, response) => response.end('{}'), tls)).url,
    }),
  },
  {
    name: 'Azure speaks plain HTTP where TLS is expected',
    prepare: async (t) => ({
      AZURE_BASE_URL: (await fakeAzure(t, (_request, response) => response.end('{}'))).url.replace('http:', 'https:'),
    }),
  },
]

const proxies: readonly [string, string | ((text: string) => string) | undefined][] = [
  [
    'rejects with 407 and repeats the credential',
    (text) =>
      `HTTP/1.1 407 Proxy Authentication Required\r\nX: ${text.replaceAll('\r\n', ' ')}\r\ncontent-length: 0\r\n\r\n`,
  ],
  ['answers 502', 'HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n'],
  ['repeats what it hears', (text) => text],
  ['speaks no HTTP', 'hello\r\n'],
  ['connects to something that is no TLS', 'HTTP/1.1 200 OK\r\n\r\nhello'],
  ['says nothing', undefined],
]
const throughProxy = (port: number): Environment => ({
  AZURE_BASE_URL: 'https://azure.example',
  HTTPS_PROXY: `http://user:${secrets.proxyPassword}@127.0.0.1:${port}`,
})
const byProxy = proxies.map(
  ([what, response]): Setup => ({
    name: `the proxy ${what}`,
    prepare: async (t) =>
      throughProxy(
        await rawServer(t, (socket, text) => {
          if (response !== undefined) socket.write(typeof response === 'string' ? response : response(text))
        }),
      ),
  }),
)

export const azureSetups: readonly Setup[] = [
  ...[...byStatus, ...pages, ...byWriting, ...byHeader, ...byBody, ...connections, ...byProxy],
  { name: 'the proxy is down', prepare: () => throughProxy(9) },
  {
    name: 'the proxy closes every connection',
    prepare: async (t) =>
      throughProxy(
        await listenOnLoopback(
          t,
          createServer((socket) => socket.destroy()),
        ),
      ),
  },
]
