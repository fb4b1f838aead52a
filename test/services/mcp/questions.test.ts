import { randomBytes } from 'node:crypto'
import { describe, type TestContext, test } from 'node:test'
import type { JsonRpcRequest } from '../../../schemas/json-rpc.ts'
import { createQuestions, type Questions, type Relay } from '../../../services/mcp/questions.ts'
import { createSessions } from '../../../services/mcp/sessions.ts'
import { callerOf } from '../../support/calls.ts'
import { waitFor } from '../../support/wait-for.ts'

const key = randomBytes(32)
const ann = callerOf('key:ann')
const bob = callerOf('key:bob')

/** Asks, and tells what was sent and retracted. */
function ask(questions: Questions, options: { waitMs?: number; session?: string; requestId?: number } = {}) {
  const { waitMs = 60_000, session, requestId = 1 } = options
  const sent: JsonRpcRequest[] = []
  const retracted: string[] = []
  const disconnected = new AbortController()
  const outcome = questions.ask(
    { method: 'elicitation/create', params: {} },
    {
      caller: ann,
      requestId,
      session,
      signal: disconnected.signal,
      waitMs,
      send: (message) => sent.push(message),
      retract: (id) => retracted.push(id),
    },
  )
  outcome.catch(() => {})
  return { outcome, id: String(sent[0]?.id), retracted, disconnect: () => disconnected.abort() }
}

const response = (id: string, result: unknown = { action: 'accept' }) => ({ jsonrpc: '2.0' as const, id, result })

/** Carries messages between replicas of one test, in later ticks, and counts them. */
function createBus() {
  const listeners = new Set<(message: string) => void>()
  const published: string[] = []
  const relay: Relay = {
    async publish(message) {
      published.push(message)
      await Promise.resolve()
      for (const listener of listeners) listener(message)
    },
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
  function say(message: string): void {
    for (const listener of listeners) listener(message)
  }
  return { relay, published, say }
}

describe('the response to a question', () => {
  test('is taken once, from the caller who was asked', async (t: TestContext) => {
    const questions = createQuestions({ key })
    const { outcome, id } = ask(questions)
    questions.accept(response(id, 'of another caller'), bob)
    questions.accept(response(id, 'first'), ann)
    questions.accept(response(id, 'second'), ann)
    t.assert.deepStrictEqual(await outcome, { state: 'responded', result: 'first' })
  })

  test('arrives at another replica, and reaches the one that asked', async (t: TestContext) => {
    const { relay, published } = createBus()
    const [here, there] = [createQuestions({ key, relay }), createQuestions({ key, relay })]
    const { outcome, id } = ask(here)
    there.accept(response(id, { action: 'decline' }), ann)
    t.assert.deepStrictEqual(await outcome, { state: 'responded', result: { action: 'decline' } })
    t.assert.strictEqual(published.length, 1)
    for (const questions of [here, there]) questions.close()
  })

  test('is told to other replicas only if this service asked this caller for it', async (t: TestContext) => {
    const { relay, published } = createBus()
    const questions = createQuestions({ key, relay })
    const { id } = ask(createQuestions({ key }))
    const { id: foreign } = ask(createQuestions({ key: randomBytes(32) }))
    for (const [candidate, caller] of [
      [foreign, ann],
      [id, bob],
      [`${id.slice(0, -1)}${id.endsWith('_') ? '-' : '_'}`, ann],
      [id.slice(1), ann],
      ['', ann],
    ] as const) {
      questions.accept(response(candidate), caller)
    }
    questions.accept({ jsonrpc: '2.0', id: 7, result: {} }, ann)
    questions.accept({ jsonrpc: '2.0', error: {} }, ann)
    t.assert.deepStrictEqual(published, [])
    questions.accept(response(id, 'x'.repeat(100_000)), ann)
    questions.accept(response(id), ann)
    t.assert.deepStrictEqual(
      published.map((news) => Object.keys(JSON.parse(news))),
      [
        ['id', 'failed'],
        ['id', 'result'],
      ],
    )
    questions.close()
  })

  test('from another program in the same Redis does no harm', async (t: TestContext) => {
    const { relay, say } = createBus()
    const questions = createQuestions({ key, relay })
    const { outcome, id } = ask(questions)
    for (const message of ['', '{', '[]', 'null', '{"id":5}', '{"session":1}', JSON.stringify({ id })]) say(message)
    questions.accept(response(id), ann)
    t.assert.strictEqual((await outcome).state, 'responded')
    questions.close()
  })
})

describe('a question', () => {
  test('ends in time, and its client is told', async (t: TestContext) => {
    const questions = createQuestions({ key })
    const { outcome, id, retracted } = ask(questions, { waitMs: 5 })
    t.assert.deepStrictEqual(await outcome, { state: 'silent' })
    t.assert.deepStrictEqual(retracted, [id])
    t.assert.ok(questions.hasRoomFor(ann))
  })

  test('ends with the connection of its client', async (t: TestContext) => {
    const questions = createQuestions({ key })
    const { outcome, disconnect } = ask(questions)
    disconnect()
    await t.assert.rejects(outcome, { code: 'IMG_ERR_CANCELLED' })
  })

  test('ends with the request of its session, also if the notice arrives at another replica', async (t: TestContext) => {
    const { relay } = createBus()
    const [here, there] = [createQuestions({ key, relay }), createQuestions({ key, relay })]
    const mine = ask(here, { session: 's1', requestId: 4 })
    const others = [
      ask(here, { session: 's2', requestId: 4 }),
      ask(here, { session: 's1', requestId: 5 }),
      ask(here, { requestId: 4 }),
    ]
    there.withdraw('s1', 4)
    await t.assert.rejects(mine.outcome, { code: 'IMG_ERR_CANCELLED' })
    t.assert.deepStrictEqual(mine.retracted, [mine.id])
    for (const { id, outcome } of others) {
      there.accept(response(id), ann)
      t.assert.strictEqual((await outcome).state, 'responded')
    }
    for (const questions of [here, there]) questions.close()
  })

  test('is not asked by a caller who has too many open, nor at the end', async (t: TestContext) => {
    const questions = createQuestions({ key })
    const open = Array.from({ length: 250 }, () => ask(questions))
    t.assert.deepStrictEqual([questions.hasRoomFor(ann), questions.hasRoomFor(bob)], [false, true])
    const [first] = open
    first?.disconnect()
    await waitFor('room', () => questions.hasRoomFor(ann))
    questions.close()
    for (const { outcome } of open.slice(1)) await t.assert.rejects(outcome, { statusCode: 503 })
    t.assert.ok(!questions.hasRoomFor(bob))
    await t.assert.rejects(ask(questions).outcome, { statusCode: 503 })
  })
})

describe('a session id', () => {
  const client = { name: 'a client', version: '1', protocolVersion: '2025-11-25', canBeAsked: ['form', 'url'] as const }

  test('tells every process with the same key what the client said, until a day is over', (t: TestContext) => {
    let now = 1_000_000
    const sessions = createSessions({ key, now: () => now })
    const id = sessions.issue(client, ann)
    const later = createSessions({ key, now: () => now })
    const known = later.read(id, ann)
    t.assert.partialDeepStrictEqual(known, { name: 'a client', canBeAsked: ['form', 'url'] })
    now += 86_399_000
    t.assert.deepStrictEqual(later.read(id, ann), known)
    now += 1_000
    t.assert.strictEqual(later.read(id, ann), undefined)
  })

  test('is different for each handshake, and counts for its caller only', (t: TestContext) => {
    const sessions = createSessions({ key })
    const ids = Array.from({ length: 5 }, () => sessions.issue(client, ann))
    t.assert.strictEqual(new Set(ids.map((id) => sessions.read(id, ann)?.session)).size, 5)
    t.assert.strictEqual(sessions.read(ids[0] ?? '', bob), undefined)
    t.assert.strictEqual(createSessions({ key: randomBytes(32) }).read(ids[0] ?? '', ann), undefined)
  })

  test('with any byte changed is unknown', (t: TestContext) => {
    const sessions = createSessions({ key })
    const id = sessions.issue(client, ann)
    for (let at = 0; at < id.length; at++) {
      const other = id[at] === 'A' ? 'B' : 'A'
      t.assert.strictEqual(sessions.read(id.slice(0, at) + other + id.slice(at + 1), ann), undefined, `byte ${at}`)
    }
  })

  test('holds the beginning of a long name, without half a character', (t: TestContext) => {
    const sessions = createSessions({ key })
    const id = sessions.issue({ ...client, name: `x${'ü'.repeat(100)}`, version: '\u{1f5bc}'.repeat(9) }, ann)
    t.assert.strictEqual(sessions.read(id, ann)?.name, `x${'ü'.repeat(31)}`)
    t.assert.ok(id.length < 500, `${id.length}`)
  })
})
