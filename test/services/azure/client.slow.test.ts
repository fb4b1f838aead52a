import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import type { ImagesClientOptions } from '../../../services/azure/client.ts'
import type { AzureEvents, StatusClass } from '../../../services/azure/events.ts'
import type { EditRequest, ImagesClient } from '../../../services/azure/types.ts'
import { createBufferSpool } from '../../../services/bytes/spooled-buffer.ts'
import { Secret } from '../../../services/config/secret.ts'
import {
  afterBody,
  callContext,
  clientOf,
  deploymentOf,
  failureOf,
  fakeAzure,
  imageResult,
  listenOnLoopback,
  pixelPng,
  responding,
} from '../../support/fake-azure.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const fixture = (name: string) => readFileSync(new URL(`../../fixtures/tls/${name}`, import.meta.url), 'utf8')
const tls = { key: fixture('localhost.key'), cert: fixture('localhost.crt') }

/** FLUX.1 on the deployment route. */
function client(t: TestContext, baseUrl: string, changes: Partial<ImagesClientOptions> = {}): ImagesClient {
  const deployment = deploymentOf(baseUrl, 'FLUX.1-Kontext-pro', {
    dialect: 'deployments',
    apiVersion: '2025-04-01-preview',
  })
  return clientOf(t, [deployment], changes)
}

const prompt = 'A red square on white'
const pixel = Buffer.from(pixelPng, 'base64')
const edit: EditRequest = { prompt, images: [{ bytes: pixel, mimeType: 'image/png', width: 1, height: 1 }] }

describe('deployment-scoped dialect', () => {
  test('generates with JSON, without a model in the body, and returns the base64 unchanged', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const images = client(t, `${azure.url}/some/path/`)
    const response = await images.generate({ prompt, size: { width: 1024, height: 768 } }, callContext())
    const [seen] = azure.seen
    t.assert.equal(
      seen?.url,
      '/some/path/openai/deployments/FLUX.1-Kontext-pro/images/generations?api-version=2025-04-01-preview',
    )
    t.assert.equal(seen?.headers['api-key'], 'the-secret-key')
    t.assert.deepEqual(JSON.parse(String(seen?.body)), { prompt, n: 1, size: '1024x768' })
    const chunks: Buffer[] = []
    for await (const chunk of response.images[0].chunks()) chunks.push(chunk)
    t.assert.equal(Buffer.concat(chunks).toString(), pixelPng)
    t.assert.equal(response.images[0].mimeType, 'image/png')
    t.assert.equal(response.images[0].width, 1)
  })

  test('edits with a form whose parts have a media type and a file name', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    await client(t, azure.url).edit(edit, callContext())
    const [seen] = azure.seen
    t.assert.match(String(seen?.url), /\/images\/edits\?api-version=/)
    t.assert.equal(seen?.headers['content-length'], String(seen?.body.length))
    const form = await new Response(new Uint8Array(seen?.body ?? []), {
      headers: { 'content-type': String(seen?.headers['content-type']) },
    }).formData()
    t.assert.deepEqual([...form.keys()].sort(), ['image', 'n', 'prompt'])
    t.assert.equal(form.get('prompt'), prompt)
    const file = form.get('image')
    t.assert.ok(file instanceof File)
    t.assert.equal(file.type, 'image/png')
    t.assert.equal(file.name, '1.png')
    t.assert.deepEqual(Buffer.from(await file.arrayBuffer()), pixel)
  })

  test('names several files image[]', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    await client(t, azure.url).edit({ ...edit, images: [edit.images[0], edit.images[0]] }, callContext())
    t.assert.equal(String(azure.seen[0]?.body).match(/name="image\[\]"/g)?.length, 2)
  })

  test('sends an image larger than a socket buffer whole', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const bytes = Buffer.alloc(12_000_000, 7)
    await client(t, azure.url).edit({ ...edit, images: [{ ...edit.images[0], bytes }] }, callContext())
    t.assert.equal(azure.seen[0]?.headers['content-length'], String(azure.seen[0]?.body.length))
    t.assert.ok(azure.seen[0]?.body.includes(bytes))
  })

  test('rejects a deployment name that would change the path', async (t: TestContext) => {
    const images = clientOf(t, [deploymentOf('http://127.0.0.1:9', 'gpt-image-2', { deployment: '..' })])
    await t.assert.rejects(images.generate({ prompt }, callContext()), TypeError)
  })
})

describe('disconnects', () => {
  test('a disconnect before the connection is established ends the call, and Azure sees nothing', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const disconnected = AbortSignal.abort()
    const error = await failureOf(t, client(t, azure.url).generate({ prompt }, callContext({ signal: disconnected })))
    t.assert.equal(error.code, 'IMG_ERR_CANCELLED')
    t.assert.equal(azure.seen.length, 0)
  })

  test('a disconnect while connecting ends the call, and Azure sees nothing', async (t: TestContext) => {
    // An unanswered TLS handshake keeps the exchange connecting.
    const connected = Promise.withResolvers<void>()
    const port = await listenOnLoopback(
      t,
      createServer((socket) => {
        t.after(() => socket.destroy())
        connected.resolve()
      }),
    )
    const caller = new AbortController()
    const call = client(t, `https://127.0.0.1:${port}`).generate({ prompt }, callContext({ signal: caller.signal }))
    await connected.promise
    caller.abort()
    t.assert.equal((await failureOf(t, call)).code, 'IMG_ERR_CANCELLED')
  })

  test('a disconnect after the body was sent changes nothing: the image is still returned', async (t: TestContext) => {
    const caller = new AbortController()
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        caller.abort()
        setImmediate(() => response.end(JSON.stringify(imageResult)))
      }),
    )
    const response = await client(t, azure.url).generate({ prompt }, callContext({ signal: caller.signal }))
    t.assert.equal(response.images.length, 1)
    t.assert.equal(azure.seen.length, 1)
  })

  test('reports that the request was sent and that the response arrives', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    const stages: string[] = []
    await client(t, azure.url).edit(edit, callContext({ progress: (stage) => stages.push(stage) }))
    t.assert.deepEqual(stages, ['sent', 'receiving'])
  })
})

describe('time and size', () => {
  test('the deadline ends a call without a response, and the error says that it may be billed', async (t: TestContext) => {
    const azure = await fakeAzure(t, () => {})
    const error = await failureOf(
      t,
      client(t, azure.url).generate({ prompt }, callContext({ deadlineAt: performance.now() + 2_000 })),
    )
    t.assert.equal(error.code, 'IMG_ERR_AZURE_TIMEOUT')
    t.assert.equal(error.retryable, false)
    t.assert.match(error.message, /may have been generated and billed/)
  })

  test('the deadline also ends a response that drips', async (t: TestContext) => {
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        response.write('{')
        const drip = setInterval(() => response.write(' '), 20)
        response.on('close', () => clearInterval(drip))
      }),
    )
    const error = await failureOf(
      t,
      client(t, azure.url).generate({ prompt }, callContext({ deadlineAt: performance.now() + 2_000 })),
    )
    t.assert.equal(error.code, 'IMG_ERR_AZURE_TIMEOUT')
  })

  test('a connection that is never established fails after the connect timeout', async (t: TestContext) => {
    const port = await listenOnLoopback(
      t,
      createServer((socket) => t.after(() => socket.destroy())),
    )
    const images = client(t, `https://127.0.0.1:${port}`, { connectTimeoutMs: 200 })
    const error = await failureOf(t, images.generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_UNREACHABLE')
    t.assert.equal(error.retryable, true)
  })

  test('stops reading a response that is too large', async (t: TestContext) => {
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        const more = setInterval(() => response.write('x'.repeat(100_000)), 1)
        response.on('close', () => clearInterval(more))
      }),
    )
    const error = await failureOf(t, client(t, azure.url).generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_RESPONSE_TOO_LARGE')
  })
})

describe('failures', () => {
  const rows: readonly [string, number, unknown, string][] = [
    ['401 with a wrapper', 401, { error: { code: '401', message: 'Access denied' } }, 'IMG_ERR_AZURE_CREDENTIAL'],
    ['401 without a wrapper', 401, { statusCode: 401, message: 'Unauthorized' }, 'IMG_ERR_AZURE_CREDENTIAL'],
    ['a redirect', 307, '', 'IMG_ERR_AZURE_REDIRECT'],
    ['an HTML page', 503, '<html>', 'IMG_ERR_AZURE_UNCLEAR'],
    ['200 without an image', 200, { data: [{}] }, 'IMG_ERR_AZURE_NO_IMAGE'],
    ['200 with a job that goes on', 200, { id: 'x', status: 'Pending', result: null }, 'IMG_ERR_AZURE_BROKE_OFF'],
    ['200 with an address to poll', 200, { id: 'x', polling_url: 'https://a.b/c' }, 'IMG_ERR_AZURE_BROKE_OFF'],
    ['200 with a moderated job', 200, { id: 'x', status: 'Request Moderated' }, 'IMG_ERR_AZURE_CONTENT'],
    ['200 that is no JSON', 200, '{"data":', 'IMG_ERR_AZURE_BAD_RESPONSE'],
    [
      '200 with a data URL of no image',
      200,
      { data: [{ url: 'data:image/png;base64,AAAA' }] },
      'IMG_ERR_AZURE_BAD_RESPONSE',
    ],
    ['200 with something that is no image', 200, { data: [{ b64_json: 'aGVsbG8=' }] }, 'IMG_ERR_AZURE_BAD_RESPONSE'],
  ]
  for (const [name, status, body, code] of rows) {
    test(`${name} is ${code}`, async (t: TestContext) => {
      const azure = await fakeAzure(t, responding(status, body, { location: 'http://127.0.0.1:9/' }))
      const error = await failureOf(t, client(t, azure.url).generate({ prompt }, callContext()))
      t.assert.equal(error.code, code)
      t.assert.equal(azure.seen.length, 1)
    })
  }

  test('a rejected connection is unreachable, and a retry is free', async (t: TestContext) => {
    const error = await failureOf(t, client(t, 'http://127.0.0.1:9').generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_UNREACHABLE')
  })

  test('an untrusted certificate is rejected', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult), tls)
    const error = await failureOf(t, client(t, azure.url).generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_TLS')
    t.assert.equal(azure.seen.length, 0)
  })

  test('a connection that breaks after the body is not retried', async (t: TestContext) => {
    const azure = await fakeAzure(
      t,
      afterBody((response) => response.destroy()),
    )
    const error = await failureOf(t, client(t, azure.url).generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_LOST')
    t.assert.equal(azure.seen.length, 1)
  })

  test('neither key nor prompt is logged', async (t: TestContext) => {
    const echo = { error: { code: 'x', message: `bad key the-secret-key for "${prompt}" ${'A'.repeat(500)}` } }
    const azure = await fakeAzure(t, responding(400, echo, { 'apim-request-id': 'abc-123' }))
    const error = await failureOf(t, client(t, azure.url).generate({ prompt }, callContext()))
    t.assert.doesNotMatch(JSON.stringify(error.detail) + error.message, /the-secret-key|red square|AAAA/)
    t.assert.equal(error.detail?.azureRequestId, 'abc-123')
  })

  test('every request is reported as started and as ended', async (t: TestContext) => {
    const classes: StatusClass[] = []
    let open = 0
    const events: AzureEvents = {
      requestStarted() {
        open += 1
      },
      requestEnded({ statusClass }) {
        open -= 1
        classes.push(statusClass)
      },
      imagesGenerated() {},
    }
    const responses = [200, 400, 429, 503]
    const azure = await fakeAzure(
      t,
      afterBody((response) => {
        response.writeHead(responses.shift() ?? 500).end(JSON.stringify(imageResult))
      }),
    )
    const images = client(t, azure.url, { events })
    for (let call = 0; call < 3; call += 1) await images.generate({ prompt }, callContext()).catch(() => {})
    // The 429 is waited out within its call; the 503 is not Azure's JSON and ends it.
    t.assert.deepEqual([open, classes], [0, ['2xx', '4xx', '429', '5xx']])
  })
})

test('a stream that is reset behind its image still returns the image', async (t: TestContext) => {
  const event = {
    type: 'image_generation.completed',
    b64_json: pixelPng,
    usage: { input_tokens_details: null, output_tokens: 7 },
  }
  const azure = await fakeAzure(
    t,
    afterBody((response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(`data: ${JSON.stringify(event)}\n\n: more`, () => response.socket?.resetAndDestroy())
    }),
  )
  const { images, usage } = await client(t, azure.url).generate({ prompt }, callContext())
  t.assert.deepEqual([images.length, usage], [1, { tokensOut: 7 }])
})

describe('a completely received image is returned', () => {
  const document = JSON.stringify({ ...imageResult, usage: { output_tokens: 9 } })
  const completed = `data: ${JSON.stringify({ type: 'image_generation.completed', b64_json: pixelPng })}`
  for (const [what, text] of [
    ['the end of the document', document],
    ['the usage', document.slice(0, -4)],
    ['the list of images', document.slice(0, document.indexOf('"}') + 1)],
    ['the event', `${completed}\n`],
    ['the text of the event', completed],
  ] as const) {
    test(`although the connection is reset after ${what}`, async (t: TestContext) => {
      const azure = await fakeAzure(
        t,
        afterBody((response) => {
          response
            .writeHead(200, { 'content-length': '10000' })
            .write(text, () => setImmediate(() => response.destroy()))
        }),
      )
      const { images } = await client(t, azure.url).generate({ prompt }, callContext())
      t.assert.deepEqual([images.length, azure.seen.length], [1, 1])
      await Promise.all(images.map((image) => image[Symbol.asyncDispose]()))
    })
  }

  for (const status of [201, 202, 203, 206, 299]) {
    test(`with any success status: ${status}`, async (t: TestContext) => {
      const azure = await fakeAzure(t, responding(status, document))
      const { images, usage } = await client(t, azure.url).generate({ prompt }, callContext())
      t.assert.deepEqual([images.length, usage, azure.seen.length], [1, { tokensOut: 9 }, 1])
      await Promise.all(images.map((image) => image[Symbol.asyncDispose]()))
    })
  }

  test('and is requested uncompressed, since it is read while it arrives', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult))
    await client(t, azure.url).generate({ prompt }, callContext())
    t.assert.equal(azure.seen[0]?.headers['accept-encoding'], 'identity')
  })
})

describe('responses with a link', () => {
  const linkTo = (url: string) => responding(200, { data: [{ url }] })
  const trusting = { certificateAuthority: tls.cert, isAddressAllowed: () => true }

  test('are followed on an allowed host, without a credential', async (t: TestContext) => {
    const store = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
    const azure = await fakeAzure(t, linkTo(`${store.url.replace('127.0.0.1', 'localhost')}/a.png?sig=1`))
    const response = await client(t, azure.url, trusting).generate({ prompt }, callContext())
    t.assert.equal(response.images[0].mimeType, 'image/png')
    t.assert.equal(store.seen[0]?.url, '/a.png?sig=1')
    t.assert.equal(store.seen[0]?.headers['api-key'], undefined)
  })

  test('are followed with any success status', async (t: TestContext) => {
    const store = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
    const url = `${store.url.replace('127.0.0.1', 'localhost')}/a.png`
    const azure = await fakeAzure(t, responding(201, { data: [{ url }] }))
    const { images } = await client(t, azure.url, trusting).generate({ prompt }, callContext())
    t.assert.deepEqual([images.length, azure.seen.length], [1, 1])
  })

  test('that lead nowhere do not affect other images, and no more are followed than images were requested', async (t: TestContext) => {
    const store = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
    const link = { url: `${store.url.replace('127.0.0.1', 'localhost')}/a.png`, b64_json: null }
    const data = [{ url: 'https://localhost:1/gone.png' }, { b64_json: pixelPng, url: {} }, ...Array(40).fill(link)]
    const azure = await fakeAzure(t, responding(200, { data }))
    const spool = createBufferSpool({ maxBytes: 100_000, spillFolders: [] })
    const { images } = await client(t, azure.url, { ...trusting, spool }).generate({ prompt, n: 3 }, callContext())
    t.assert.deepEqual([images.length, store.seen.length], [3, 2])
    for (const image of images) await image[Symbol.asyncDispose]()
    t.assert.equal(spool.used, 0)
  })

  test('to a host that is not allowed are not followed', async (t: TestContext) => {
    const store = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
    const azure = await fakeAzure(t, linkTo(`${store.url}/a.png`))
    const error = await failureOf(t, client(t, azure.url, trusting).generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_DOWNLOAD')
    t.assert.equal(store.seen.length, 0)
  })

  test('to a private address are not followed, by name or by number', async (t: TestContext) => {
    const store = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
    for (const url of [store.url, store.url.replace('127.0.0.1', 'localhost')]) {
      const azure = await fakeAzure(t, linkTo(`${url}/a.png`))
      const images = client(t, azure.url, { certificateAuthority: tls.cert, imageHosts: ['localhost', '127.0.0.1'] })
      t.assert.equal((await failureOf(t, images.generate({ prompt }, callContext()))).code, 'IMG_ERR_AZURE_DOWNLOAD')
    }
    t.assert.equal(store.seen.length, 0)
  })

  for (const [what, link] of [
    ['a decimal address', 'https://2130706433:PORT/a.png'],
    ['a hexadecimal address', 'https://0x7f000001:PORT/a.png'],
    ['an octal address', 'https://0177.0.0.1:PORT/a.png'],
    ['a short address', 'https://127.1:PORT/a.png'],
    ['an address in wide digits', 'https://①②⑦.0.0.1:PORT/a.png'],
    ['nowhere', 'https://0.0.0.0:PORT/a.png'],
    ['an IPv4 address in IPv6 clothing', 'https://[::ffff:127.0.0.1]:PORT/a.png'],
    ['the same in hexadecimal', 'https://[::ffff:7f00:1]:PORT/a.png'],
    ['the loopback of IPv6', 'https://[::1]:PORT/a.png'],
    ['the metadata of a cloud', 'https://169.254.169.254/latest/meta-data'],
    ['an allowed name as user', 'https://localhost@127.0.0.1:PORT/a.png'],
    ['an allowed name behind a backslash', 'https://127.0.0.1:PORT\\@localhost/a.png'],
    ['an allowed name in the path', 'https://127.0.0.1:PORT/localhost'],
    ['a name that only ends like an allowed one', 'https://evil-localhost:PORT/a.png'],
    ['an allowed name with a dot behind it', 'https://localhost.:PORT/a.png'],
    ['a file', 'file:///etc/passwd'],
    ['no scheme', '//localhost:PORT/a.png'],
  ] as const) {
    test(`to ${what} are not followed`, async (t: TestContext) => {
      const store = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
      const azure = await fakeAzure(t, linkTo(link.replace('PORT', new URL(store.url).port)))
      const imageHosts = ['localhost', '*.localhost', '*.0.0.1', '127.0.0.1', '0.0.0.0', '[::1]', '[::ffff:7f00:1]']
      const images = client(t, azure.url, { certificateAuthority: tls.cert, imageHosts })
      const error = await failureOf(t, images.generate({ prompt }, callContext()))
      t.assert.equal(error.code, 'IMG_ERR_AZURE_DOWNLOAD')
      // By the guard, not by a certificate error.
      t.assert.match(String(error.cause), /not public|is not listed|is not https|contains a credential|Invalid URL/)
    })
  }

  test('to plain http are not followed', async (t: TestContext) => {
    const store = await fakeAzure(t, (_request, response) => response.end(pixel))
    const azure = await fakeAzure(t, linkTo(`${store.url.replace('127.0.0.1', 'localhost')}/a.png`))
    const error = await failureOf(t, client(t, azure.url, trusting).generate({ prompt }, callContext()))
    t.assert.equal(error.code, 'IMG_ERR_AZURE_DOWNLOAD')
    t.assert.equal(store.seen.length, 0)
  })

  test('are buffered as they arrive, within the memory of images and the size of one response', async (t: TestContext) => {
    const large = Buffer.concat([pixel, Buffer.alloc(500_000)])
    const seen: { used: number; spilled: number }[] = []
    const store = await fakeAzure(
      t,
      async (_request, response) => {
        for (let at = 0; at < large.length; at += 50_000) {
          response.write(large.subarray(at, at + 50_000))
          await new Promise((resolve) => setTimeout(resolve, 2))
          seen.push({ used: spool.used, spilled: spool.spilled })
        }
        response.end()
      },
      tls,
    )
    const spool = createBufferSpool({ maxBytes: 200_000, spillFolders: [await temporaryFolder(t)] })
    const link = { url: `${store.url.replace('127.0.0.1', 'localhost')}/a.png` }
    const azure = await fakeAzure(t, responding(200, { data: [link, link, link] }))
    const { images } = await client(t, azure.url, { ...trusting, spool }).generate({ prompt, n: 3 }, callContext())
    t.assert.ok(seen.every(({ used }) => used <= 200_000))
    t.assert.ok(seen.some(({ spilled }) => spilled > 0))
    // The response may have a million bytes, of which one image takes 667,000.
    t.assert.equal(images.length, 1)
    const [image] = images
    const chunks: Buffer[] = []
    for await (const chunk of image.chunks()) chunks.push(chunk)
    t.assert.deepEqual(Buffer.from(Buffer.concat(chunks).toString('latin1'), 'base64'), large)
    await image[Symbol.asyncDispose]()
    t.assert.deepEqual([spool.used, spool.spilled], [0, 0])
  })

  test('that redirect or are too large are rejected', async (t: TestContext) => {
    const target = await fakeAzure(t, (_request, response) => response.end(pixel), tls)
    const redirecting = await fakeAzure(
      t,
      (_request, response) => response.writeHead(302, { location: target.url }).end(),
      tls,
    )
    const large = await fakeAzure(t, (_request, response) => response.end(Buffer.alloc(2_000_000)), tls)
    for (const store of [redirecting, large]) {
      const azure = await fakeAzure(t, linkTo(`${store.url.replace('127.0.0.1', 'localhost')}/a.png`))
      const error = await failureOf(t, client(t, azure.url, trusting).generate({ prompt }, callContext()))
      t.assert.equal(error.code, 'IMG_ERR_AZURE_DOWNLOAD')
    }
    t.assert.equal(target.seen.length, 0)
  })
})

describe('proxy', () => {
  test('a call to https goes through the proxy by CONNECT, and directly for NO_PROXY', async (t: TestContext) => {
    const azure = await fakeAzure(t, responding(200, imageResult), tls)
    const { createServer: createHttpServer } = await import('node:http')
    const { connect } = await import('node:net')
    const asked: string[] = []
    const proxy = createHttpServer()
    proxy.on('connect', (request, socket) => {
      asked.push(request.url ?? '')
      const [host = '', port = ''] = (request.url ?? '').split(':')
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n')
        onward.pipe(socket).pipe(onward)
      })
      onward.on('error', () => socket.destroy())
      socket.on('error', () => onward.destroy())
    })
    const port = await listenOnLoopback(t, proxy)
    t.after(() => proxy.closeAllConnections())
    const https = `http://127.0.0.1:${port}`
    const through = client(t, azure.url, { certificateAuthority: tls.cert, proxy: { https: new Secret(https) } })
    await through.generate({ prompt }, callContext())
    t.assert.deepEqual(asked, [new URL(azure.url).host])
    const past = client(t, azure.url, {
      certificateAuthority: tls.cert,
      proxy: { https: new Secret(https), none: ['127.0.0.1'] },
    })
    await past.generate({ prompt }, callContext())
    t.assert.equal(asked.length, 1)
    t.assert.equal(azure.seen.length, 2)
  })
})

test('connections that could not be set up once are set up again', async (t: TestContext) => {
  const azure = await fakeAzure(t, responding(200, imageResult))
  let isBroken = true
  const proxy = { https: { reveal: () => (isBroken ? 'http://u:%zz@localhost:1' : 'http://localhost:1') } }
  const images = clientOf(t, [deploymentOf(azure.url, 'gpt-image-2')], { proxy })
  const failure = await failureOf(t, images.generate({ prompt: 'A boat' }, callContext()))
  t.assert.equal(failure.code, 'IMG_ERR_AZURE_UNREACHABLE')
  t.assert.equal(images.canConnect, false)
  isBroken = false
  t.assert.equal((await images.generate({ prompt: 'A boat' }, callContext())).images.length, 1)
  t.assert.equal(images.canConnect, true)
})
