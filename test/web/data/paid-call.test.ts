import { describe, type TestContext, test } from 'node:test'
import { STUDIO_META, type StudioMeta } from '../../../schemas/studio.ts'
import type { Bridge, ToolArguments } from '../../../web/bridge/bridge.ts'
import { StudioError } from '../../../web/bridge/studio-error.ts'
import { readToolResult } from '../../../web/bridge/tool-result.ts'
import { createPaidCall, type PaidState, readSnapshot } from '../../../web/data/paid-call.ts'
import { createStudioData } from '../../../web/data/studio-data.ts'

/** What the service responds, call by call; an error is thrown. */
type Response = Error | { isError?: boolean; text?: string; meta?: StudioMeta }

const image = {
  id: 'img_01jd00000000000000000000ab',
  createdAt: 1,
  origin: 'generated' as const,
  mimeType: 'image/png' as const,
  width: 8,
  height: 8,
  bytes: 100,
  hasCredentials: false,
  parents: [],
  tags: [],
  isOwn: true,
}
const lost = () => new StudioError('offline')
const running: Response = { text: 'Job id: job_1', meta: { job: { id: 'job_1', state: 'running', remainingMs: 1000 } } }
const completed: Response = { text: 'Done', meta: { job: { id: 'job_1', state: 'completed', images: [image] } } }

/** A paid call over a service that responds as scripted; its clock runs as far as it sleeps. */
function scripted(responses: Response[]) {
  const calls: { name: string; args: ToolArguments }[] = []
  const states: PaidState[] = []
  let clock = 0
  const bridge: Bridge = {
    mode: 'page',
    abilities: {},
    context: { theme: 'light', locale: 'en', displayMode: 'inline', displayModes: [], variables: {} },
    onContext: () => () => {},
    onOpenedWith() {},
    onTeardown() {},
    async callTool(name, args) {
      calls.push({ name, args })
      const response = responses.shift()
      if (response === undefined) throw new Error('unscripted')
      if (response instanceof Error) throw response
      const { isError = false, text = '', meta } = response
      return readToolResult({ isError, content: [{ type: 'text', text }], _meta: { [STUDIO_META]: meta } })
    },
  }
  let keys = 0
  const call = createPaidCall({
    data: createStudioData(bridge),
    tool: 'generate_image',
    onState: (state) => states.push(state),
    newKey: () => `key-${++keys}`,
    async sleep(ms, signal) {
      signal.throwIfAborted()
      clock += ms
    },
    now: () => clock,
  })
  return { call, calls, states, names: () => states.map(({ name }) => name), sleptMs: () => clock }
}

describe('a paid call', () => {
  test('is sent as a job with a key, and followed until its images are there', async (t: TestContext) => {
    const { call, calls, names } = scripted([running, running, completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.deepStrictEqual(calls[0], {
      name: 'generate_image',
      args: { prompt: 'a fox', idempotency_key: 'key-1', job: true, return: 'preview' },
    })
    t.assert.deepStrictEqual(
      calls.slice(1).map(({ args }) => args.job_id),
      ['job_1', 'job_1'],
    )
    t.assert.deepStrictEqual(names(), ['sending', 'running', 'running', 'done'])
    t.assert.deepStrictEqual(call.state.name === 'done' && call.state.images, [image])
  })

  test('is the very same call when its response was lost', async (t: TestContext) => {
    const { call, calls } = scripted([lost(), lost(), completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(call.state.name, 'done')
    t.assert.deepStrictEqual(calls[1], calls[0])
    t.assert.deepStrictEqual(calls[2], calls[0])
  })

  test('can be sent again with its key when the service stays away, and another submission has another key', async (t: TestContext) => {
    const { call, calls } = scripted([lost(), lost(), lost(), lost(), completed, completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.ok(call.state.name === 'failed' && call.state.canResend)
    t.assert.deepStrictEqual(call.snapshot, { args: { prompt: 'a fox', idempotency_key: 'key-1' } })
    await call.resend()
    t.assert.strictEqual(call.state.name, 'done')
    t.assert.deepStrictEqual(new Set(calls.map(({ args }) => args.idempotency_key)), new Set(['key-1']))
    await call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(calls.at(-1)?.args.idempotency_key, 'key-2')
  })

  test('is not sent again after the service has rejected it', async (t: TestContext) => {
    const { call, calls } = scripted([{ isError: true, text: 'The prompt is empty.' }])
    await call.submit({ prompt: '' })
    t.assert.ok(call.state.name === 'failed' && !call.state.canResend)
    t.assert.strictEqual(call.state.name === 'failed' && call.state.error.message, 'The prompt is empty.')
    t.assert.strictEqual(call.snapshot, undefined)
    await call.resend()
    t.assert.strictEqual(calls.length, 1)
  })

  test('is sent once, however often the button is pressed', async (t: TestContext) => {
    const { call, calls } = scripted([completed])
    await Promise.all([1, 2, 3].map(() => call.submit({ prompt: 'a fox' })))
    t.assert.strictEqual(calls.length, 1)
  })

  for (const kind of ['interrupted', 'protocol', 'unsupported'] as const) {
    test(`whose outcome is not known (${kind}) keeps its key, and is not repeated unasked`, async (t: TestContext) => {
      const { call, calls } = scripted([new StudioError(kind), completed])
      await call.submit({ prompt: 'a fox' })
      t.assert.strictEqual(calls.length, 1)
      t.assert.ok(call.snapshot)
      await call.resend()
      t.assert.deepStrictEqual(calls[1], calls[0])
      t.assert.strictEqual(call.state.name, 'done')
    })
  }

  for (const kind of ['rate-limited', 'unavailable', 'forbidden'] as const) {
    test(`whose response was lost keeps its key, although the service is ${kind} then`, async (t: TestContext) => {
      const fails = () => new StudioError(kind)
      const { call, calls } = scripted([lost(), fails(), fails(), completed])
      await call.submit({ prompt: 'a fox' })
      t.assert.deepStrictEqual(call.snapshot, { args: { prompt: 'a fox', idempotency_key: 'key-1' } })
      await call.submit({ prompt: 'a fox' })
      await call.resend()
      t.assert.strictEqual(call.state.name, 'done')
      t.assert.deepStrictEqual(new Set(calls.map(({ args }) => args.idempotency_key)), new Set(['key-1']))
    })

    test(`that the service did not take (${kind}) is no open one`, async (t: TestContext) => {
      const { call } = scripted([new StudioError(kind)])
      await call.submit({ prompt: 'a fox' })
      t.assert.ok(call.state.name === 'failed' && !call.state.canResend)
      t.assert.strictEqual(call.snapshot, undefined)
    })
  }

  test('is found again by its job when it could not be followed for a while', async (t: TestContext) => {
    const { call, calls } = scripted([running, new StudioError('protocol'), running, completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.ok(call.state.name === 'failed' && call.state.canResend)
    t.assert.deepStrictEqual(call.snapshot, { jobId: 'job_1' })
    await call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(call.state.name, 'done')
    t.assert.deepStrictEqual(
      calls.map(({ name }) => name),
      ['generate_image', 'get_job', 'get_job', 'get_job'],
    )
  })

  test('keeps its key also when the button of the form is pressed instead, unless the form has changed', async (t: TestContext) => {
    const fails = () => new StudioError('interrupted')
    const { call, calls } = scripted([fails(), fails(), completed])
    for (const prompt of ['a fox', 'a fox', 'a cat']) await call.submit({ prompt })
    t.assert.deepStrictEqual(
      calls.map(({ args }) => args.idempotency_key),
      ['key-1', 'key-1', 'key-2'],
    )
  })

  test('survives time-outs of the host while it is followed, but does not ask for ever', async (t: TestContext) => {
    const timeOut = () => new StudioError('interrupted', 'Request timed out')
    const once = scripted([running, timeOut(), completed])
    await once.call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(once.call.state.name, 'done')
    const never = scripted([running, ...Array.from({ length: 9 }, timeOut)])
    await never.call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(never.call.state.name, 'failed')
    t.assert.strictEqual(never.calls.length, 6)
  })

  test('waits for the agreement to its price, and is then sent with its key and the code', async (t: TestContext) => {
    const question = { isError: true, text: 'Costs US$1', meta: { confirmation: { code: 'c_1', usd: 1 } } }
    const { call, calls } = scripted([question, completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.deepStrictEqual(call.state, { name: 'confirming', usd: 1, text: 'Costs US$1' })
    t.assert.strictEqual(calls.length, 1)
    await call.agree()
    t.assert.strictEqual(call.state.name, 'done')
    t.assert.deepStrictEqual(calls[1]?.args, { ...calls[0]?.args, confirm_cost: 'c_1' })
    await call.agree()
    t.assert.strictEqual(calls.length, 2)
  })

  test('is not sent when the person does not agree', async (t: TestContext) => {
    const { call, calls } = scripted([{ isError: true, meta: { confirmation: { code: 'c_1' } } }])
    await call.submit({ prompt: 'a fox' })
    call.reset()
    await call.agree()
    t.assert.strictEqual(calls.length, 1)
    t.assert.strictEqual(call.state.name, 'idle')
  })

  test('goes on when the service cannot be asked for a while', async (t: TestContext) => {
    const { call, states } = scripted([running, lost(), new StudioError('unavailable'), running, completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(call.state.name, 'done')
    t.assert.deepStrictEqual(
      states.flatMap((state) => (state.name === 'running' ? [state.isOffline] : [])),
      [false, true, true, false],
    )
  })

  for (const state of ['failed', 'cancelled', 'unknown'] as const) {
    test(`that ended as ${state} shows the service's sentence and is not sent again`, async (t: TestContext) => {
      const end: Response = { isError: true, text: 'Why.', meta: { job: { id: 'job_1', state } } }
      const { call, calls } = scripted([running, end])
      await call.submit({ prompt: 'a fox' })
      t.assert.strictEqual(call.state.name === 'failed' && call.state.error.message, 'Why.')
      t.assert.ok(call.state.name === 'failed' && !call.state.canResend)
      t.assert.strictEqual(calls.length, 2)
    })
  }

  test('asks a service that does not wait at most twice a second', async (t: TestContext) => {
    const { call, sleptMs } = scripted([running, running, running, running, completed])
    await call.submit({ prompt: 'a fox' })
    t.assert.ok(sleptMs() >= 1500, `${sleptMs()} ms`)
  })

  test('reads ids from texts where the host removed the facts', async (t: TestContext) => {
    const chunk = { image, mimeType: 'image/webp', bytes: 0, offset: 0 }
    const { call, calls } = scripted([
      {
        text: 'The image is still being generated (about 40 s). Job id: job_0123456789abcdef0123456789abcdef; call get_job with it.',
      },
      { text: `Image successfully generated.\nImage id: ${image.id} (pass it as "image" to edit_image).` },
      { meta: { chunk } },
    ])
    await call.submit({ prompt: 'a fox' })
    t.assert.strictEqual(calls[1]?.args.job_id, 'job_0123456789abcdef0123456789abcdef')
    // The facts of the image come with its bytes, of which this response has none.
    t.assert.strictEqual(calls[2]?.args.id, image.id)
    t.assert.strictEqual(call.state.name === 'failed' && call.state.error.kind, 'protocol')
  })
})

describe('a paid call of an earlier session', () => {
  test('is followed by its job', async (t: TestContext) => {
    const { call, calls } = scripted([completed])
    const snapshot = readSnapshot(JSON.parse(JSON.stringify({ jobId: 'job_1' })))
    t.assert.ok(snapshot)
    await call.restore(snapshot)
    t.assert.deepStrictEqual(
      calls.map(({ name }) => name),
      ['get_job'],
    )
    t.assert.deepStrictEqual(call.snapshot, { jobId: 'job_1' })
  })

  for (const kind of ['protocol', 'forbidden', 'unsupported'] as const) {
    test(`keeps its job when that cannot be asked for (${kind})`, async (t: TestContext) => {
      const { call, calls } = scripted([new StudioError(kind), running, completed])
      await call.restore({ jobId: 'job_1' })
      t.assert.ok(call.state.name === 'failed' && call.state.canResend)
      t.assert.deepStrictEqual(call.snapshot, { jobId: 'job_1' })
      await call.resend()
      t.assert.strictEqual(call.state.name, 'done')
      t.assert.ok(calls.every(({ name }) => name === 'get_job'))
    })
  }

  test('is forgotten when the service does not know its job', async (t: TestContext) => {
    const { call } = scripted([{ isError: true, text: 'Unknown job.' }])
    await call.restore({ jobId: 'job_1' })
    t.assert.ok(call.state.name === 'failed' && !call.state.canResend)
    t.assert.strictEqual(call.snapshot, undefined)
  })

  test('without a known job is sent only when the person says so, with its key', async (t: TestContext) => {
    const args = { prompt: 'a fox', idempotency_key: 'key-0', confirm_cost: 'c_1' }
    const { call, calls } = scripted([completed])
    const snapshot = readSnapshot({ args })
    t.assert.ok(snapshot)
    await call.restore(snapshot)
    t.assert.strictEqual(calls.length, 0)
    t.assert.ok(call.state.name === 'failed' && call.state.canResend)
    await call.resend()
    t.assert.deepStrictEqual(calls[0]?.args, { ...args, job: true, return: 'preview' })
  })

  test('is none without a key or a job', (t: TestContext) => {
    for (const value of [undefined, null, 1, {}, { args: { prompt: 'x' } }, { jobId: 1 }]) {
      t.assert.strictEqual(readSnapshot(value), undefined)
    }
  })
})
