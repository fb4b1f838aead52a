import Type from 'typebox'
import type { CallContext, Tool, ToolResult } from '../../services/calls/types.ts'
import { serviceError } from '../../services/errors/errors.ts'
import type { Catalog } from '../../services/mcp/catalog.ts'

/** Defines a tool whose arguments have the type of its schema. */
const tool = <S extends Type.TSchema>(definition: Tool<S>): Tool<S> => definition

const annotations = { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false }

export const echo = tool({
  name: 'echo',
  title: 'Echo',
  description: 'Repeats its text.',
  inputSchema: Type.Object(
    {
      text: Type.String({ minLength: 1, description: 'What to repeat' }),
      size: Type.Optional(Type.String({ pattern: '^\\d+x\\d+$' })),
    },
    { additionalProperties: false },
  ),
  annotations,
  call: async ({ text }) => ({ content: [{ type: 'text', text }] }),
})

const failing = (name: string, failure: () => Error): Tool =>
  tool({
    name,
    title: name,
    description: 'Fails.',
    inputSchema: Type.Object({}),
    annotations,
    call: async () => {
      throw failure()
    },
  })

/** A tool that waits until the test finishes it, so that no test depends on timing. */
export function createWaitingTool() {
  const started = Promise.withResolvers<CallContext>()
  const released = Promise.withResolvers<ToolResult>()
  const waiting = tool({
    name: 'wait',
    title: 'Wait',
    description: 'Responds when the test says so.',
    inputSchema: Type.Object({}),
    annotations,
    call: (_args, context) => {
      started.resolve(context)
      return released.promise
    },
  })
  const finish = (text = 'done') => released.resolve({ content: [{ type: 'text', text }] })
  return { catalog: { tools: [waiting] }, started: started.promise, finish, fail: released.reject }
}

export const fixtureCatalog: Catalog = {
  tools: [
    echo,
    failing('fail_kindly', () => serviceError('IMG_ERR_CANCELLED', [])),
    failing('fail_badly', () => new Error('secret detail of ours')),
    tool({
      name: 'needs_sampling',
      title: 'Needs sampling',
      description: 'Needs the client.',
      inputSchema: Type.Object({}),
      annotations,
      requiredCapabilities: ['sampling'],
      call: async () => ({ content: [{ type: 'text', text: 'sampled' }] }),
    }),
    tool({
      name: 'every_block',
      title: 'Every block',
      description: 'Responds with each kind of content.',
      inputSchema: Type.Object({}),
      annotations,
      call: async () => ({
        content: [
          { type: 'text', text: 'text' },
          { type: 'audio', data: 'AAAA', mimeType: 'audio/wav' },
          { type: 'resource_link', uri: 'image:///a.png', name: 'a.png' },
        ],
      }),
    }),
  ],
}
