import { randomBytes } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import Type from 'typebox'
import { askForm, InputRequired } from '../../../services/calls/input.ts'
import { createDispatcher } from '../../../services/mcp/dispatcher.ts'
import { handOverRule } from '../../../services/mcp/hand-over.ts'
import { createQuestions } from '../../../services/mcp/questions.ts'
import type { McpContext } from '../../../services/mcp/types.ts'
import { contextOf, requestStates } from '../../support/calls.ts'
import { echo } from '../../support/fixture-catalog.ts'
import { accepted } from '../../support/handshake-client.ts'

const OkSchema = Type.Object({ ok: Type.Boolean() })

/** After how many milliseconds each run of a call is handed over. */
async function runsOf(changes: Partial<McpContext>, asks = false): Promise<(number | undefined)[]> {
  const runs: (number | undefined)[] = []
  const questions = createQuestions({ key: randomBytes(32) })
  const dispatcher = createDispatcher({
    catalog: { tools: [echo] },
    serverInfo: { name: 'fixture', title: 'Fixture', version: '1' },
    instructions: () => '',
    progressRepeatMs: 1000,
    requestStates,
    questions,
    handOverAfterMs: handOverRule('auto'),
    runCall: async ({ handOverAfterMs }) => {
      runs.push(handOverAfterMs)
      if (asks && runs.length === 1) throw new InputRequired({ it: askForm('Well?', OkSchema) })
      return { content: [] }
    },
    onFinished() {},
  })
  const context = contextOf({
    assumedVersion: '2025-11-25',
    async notify() {},
    ask: async ({ id }) => {
      await pause(30)
      questions.accept({ jsonrpc: '2.0', id, result: accepted({ ok: true }) }, context.caller)
    },
    ...changes,
  })
  await dispatcher.handle({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'echo' } }, context)
  return runs
}

const clientOf = (name: string) => ({ client: { name, canBeAsked: ['form'] as const } })

test('a client of a handshake is known by its name when calls are handed over', async (t: TestContext) => {
  const [copilot] = await runsOf(clientOf('github-copilot-cli'))
  t.assert.ok(copilot !== undefined && copilot > 15_000 && copilot <= 45_000, `${copilot}`)
  t.assert.deepStrictEqual(await runsOf(clientOf('another')), [undefined])
  t.assert.deepStrictEqual(await runsOf({}), [undefined])
})

test('what a user takes to respond is part of the time after which a call is handed over', async (t: TestContext) => {
  const [first = 0, second = 0] = await runsOf(clientOf('github-copilot-cli'), true)
  t.assert.ok(first - second >= 25, `${first} ${second}`)
})
