import { PassThrough } from 'node:stream'
import type { TestContext } from 'node:test'
import { createBufferPool } from '../../services/bytes/buffer-pool.ts'
import { createDispatcher, type DispatcherOptions } from '../../services/mcp/dispatcher.ts'
import { serveStdio } from '../../services/mcp/stdio.ts'
import { noTrace } from '../../services/telemetry/trace.ts'
import { requestStates, runBare, silent } from './calls.ts'
import { fixtureCatalog } from './fixture-catalog.ts'
import { messageErrors } from './mcp-schema.ts'

/** The engine on a pair of streams, without a process. */
export function serve(t: TestContext, tools = fixtureCatalog.tools, more: Partial<DispatcherOptions> = {}) {
  const input = new PassThrough()
  const output = new PassThrough()
  const lines = output.iterator()
  let text = ''
  const done = serveStdio({
    dispatcher: createDispatcher({
      catalog: { tools },
      serverInfo: { name: 'fixture', title: 'Fixture', version: '1.0.0' },
      instructions: () => 'Be brief.',
      progressRepeatMs: 1000,
      requestStates,
      runCall: runBare(),
      onFinished() {},
      ...more,
    }),
    input,
    output,
    log: silent,
    trace: noTrace,
    maxMessageBytes: 4096,
    callDeadlineMs: 30_000,
    pool: createBufferPool(),
    newRequestId: () => 'r',
    enter: () => () => {},
    onForceClose() {},
  }).finally(() => output.end())

  async function next(version = '2025-03-26'): Promise<Record<string, unknown> | undefined> {
    while (!text.includes('\n')) {
      const { value, done: ended } = await lines.next()
      if (ended === true) return undefined
      text += value
    }
    const line = text.slice(0, text.indexOf('\n'))
    text = text.slice(line.length + 1)
    const message = JSON.parse(line)
    t.assert.deepStrictEqual(messageErrors(version, undefined, message), [])
    return message
  }
  const say = (...messages: unknown[]) => {
    for (const message of messages) input.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
  }
  return { say, next, done, input, output }
}
