import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { WebSocket } from 'undici'
import { temporaryFolder } from '../app.ts'

/** A page in a real Chromium, driven by https://chromedevtools.github.io/devtools-protocol/. */
export interface BrowserPage {
  open(url: string): Promise<void>
  /** The value of an expression, which must be JSON; a promise is awaited. */
  evaluate(expression: string): Promise<unknown>
  send(method: string, params?: object): Promise<unknown>
  /** What the page reported: errors of its script, and what its policy blocked. */
  readonly problems: string[]
  /** Addresses that it requested. */
  readonly requests: string[]
}

const MessageSchema = Type.Object({
  id: Type.Optional(Type.Number()),
  method: Type.Optional(Type.String()),
  result: Type.Optional(Type.Unknown()),
  error: Type.Optional(Type.Unknown()),
  params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  sessionId: Type.Optional(Type.String()),
})

const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--remote-debugging-port=0', '--no-first-run']

export async function openChromium(t: TestContext): Promise<BrowserPage> {
  const folder = await temporaryFolder(t)
  const browser = spawn('chromium', [...flags, `--user-data-dir=${folder}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  t.after(async () => {
    const ended = once(browser, 'exit')
    browser.kill('SIGKILL')
    await ended
  })
  const socket = new WebSocket(await addressOf(browser.stderr))
  t.after(() => socket.close())
  await once(socket, 'open')

  const problems: string[] = []
  const requests: string[] = []
  const waiting = new Map<number, PromiseWithResolvers<unknown>>()
  const loaded: (() => void)[] = []
  let last = 0
  let session: string | undefined

  socket.addEventListener('message', ({ data }) => {
    const { id, method, result, error, params } = Value.Parse(MessageSchema, JSON.parse(String(data)))
    if (id !== undefined) {
      const call = waiting.get(id)
      waiting.delete(id)
      if (error === undefined) call?.resolve(result)
      else call?.reject(new Error(JSON.stringify(error)))
    } else if (method === 'Page.loadEventFired') loaded.shift()?.()
    else if (method === 'Network.requestWillBeSent') requests.push(String(Object(params?.request).url))
    else if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded') problems.push(JSON.stringify(params))
  })

  function send(method: string, params: object = {}): Promise<unknown> {
    const call = Promise.withResolvers<unknown>()
    waiting.set(++last, call)
    socket.send(JSON.stringify({ id: last, method, params, ...(session !== undefined && { sessionId: session }) }))
    return call.promise
  }

  const { targetId } = Object(await send('Target.createTarget', { url: 'about:blank' }))
  session = String(Object(await send('Target.attachToTarget', { targetId, flatten: true })).sessionId)
  for (const domain of ['Page', 'Runtime', 'Network', 'Log', 'DOM']) await send(`${domain}.enable`)
  return {
    problems,
    requests,
    send,
    async open(url) {
      const { promise, resolve } = Promise.withResolvers<void>()
      loaded.push(resolve)
      await send('Page.navigate', { url })
      await promise
    },
    async evaluate(expression) {
      const options = { expression, returnByValue: true, awaitPromise: true, userGesture: true }
      const { result, exceptionDetails } = Object(await send('Runtime.evaluate', options))
      if (exceptionDetails !== undefined) throw new Error(JSON.stringify(exceptionDetails))
      return Object(result).value
    },
  }
}

/** Chromium writes where it listens. */
async function addressOf(output: AsyncIterable<Buffer>): Promise<string> {
  let seen = ''
  for await (const chunk of output) {
    seen += chunk
    const address = /ws:\/\/\S+/.exec(seen)?.[0]
    if (address !== undefined) return address
  }
  throw new Error(`Chromium did not start; scripts/install-test-packages.sh installs it: ${seen}`)
}
