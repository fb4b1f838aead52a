import { fakeAzure } from '../fake-azure.ts'
import { goodAzure } from './good-azure.ts'
import { type Lab, prompt, rawServer, type Setup, secrets } from './harness.ts'

/** Saves with a name and without one, and lists: a write, a record and a read of the container. */
async function useStore({ call, ask }: Lab): Promise<void> {
  await call({ prompt, output_path: 'sunset.png' })
  await call()
  const message = { jsonrpc: '2.0', id: 1, method: 'resources/list' }
  await ask('/', {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': secrets.callerKey },
    body: JSON.stringify(message),
  })
}

const storageAt = (origin: string) => ({
  AZURE_STORAGE_URL: `${origin}/account/images`,
  AZURE_STORAGE_KEY: secrets.storageKey,
})

interface Echo {
  status: number
  /** What it received, head and body. */
  body: (received: string) => string
  code?: string
}

const xml = (code: string, message: string) =>
  `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message><AuthenticationErrorDetail>${message}</AuthenticationErrorDetail></Error>`
const echoes: readonly [string, Echo][] = [
  ...[400, 401, 403, 404, 409, 412, 500, 503].map((status): [string, Echo] => [
    `answers ${status} and quotes the request and the key`,
    {
      status,
      body: (received) => xml(secrets.storageKey, `${received} ${secrets.storageKey}`),
      code: secrets.storageKey,
    },
  ]),
  [
    'answers with a code that is a secret',
    { status: 403, body: () => xml(secrets.callerKey, prompt), code: secrets.callerKey },
  ],
  ['answers with a page', { status: 403, body: (received) => `<html>${received}${prompt}</html>` }],
  ['answers with nonsense', { status: 200, body: (received) => `${received}${secrets.storageKey}` }],
]

export const storageSetups: readonly Setup[] = [
  ...echoes.map(
    ([what, { status, body, code }]): Setup => ({
      name: `the storage ${what}`,
      prepare: async (t) => {
        const storage = await fakeAzure(t, (request, response) => {
          const chunks: Buffer[] = []
          request.on('data', (chunk: Buffer) => chunks.push(chunk))
          request.on('end', () => {
            // The container seems to be writable at the start.
            if (request.url?.includes('/.probe')) {
              response.writeHead(201, { etag: '"1"', 'last-modified': new Date().toUTCString() }).end()
              return
            }
            const received = `${JSON.stringify(request.headers)} ${request.url} ${Buffer.concat(chunks).toString('latin1')}`
            response.writeHead(status, {
              'content-type': 'application/xml',
              ...(code === undefined ? {} : { 'x-ms-error-code': code }),
              ...(request.headers.authorization === undefined ? {} : { 'x-ms-echo': request.headers.authorization }),
            })
            response.end(request.method === 'HEAD' ? undefined : body(received))
          })
        })
        return { ...(await goodAzure(t)), ...storageAt(storage.url) }
      },
      act: useStore,
    }),
  ),
  {
    name: 'the storage is down',
    prepare: async (t) => ({ ...(await goodAzure(t)), ...storageAt('http://127.0.0.1:9') }),
    act: useStore,
  },
  {
    name: 'the storage speaks something else',
    prepare: async (t) => {
      const port = await rawServer(t, (socket, text) => socket.end(`+OK ${text} ${secrets.storageKey}\r\n`))
      return { ...(await goodAzure(t)), ...storageAt(`http://127.0.0.1:${port}`) }
    },
    act: useStore,
  },
]
