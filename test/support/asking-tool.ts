import Type from 'typebox'
import { askForm, formResponse, InputRequired } from '../../services/calls/input.ts'
import type { Tool, ToolResult } from '../../services/calls/types.ts'

const ConfirmSchema = Type.Object({ ok: Type.Boolean({ title: 'Go ahead?' }) })
const text = (said: string): ToolResult => ({ content: [{ type: 'text', text: said }] })

/** A tool that asks for a confirmation where the client can be asked, and has an argument for it where not. */
export const askingTool: Tool = {
  name: 'ask_first',
  title: 'Ask first',
  description: 'Asks before it does anything.',
  inputSchema: Type.Object({
    note: Type.Optional(Type.String()),
    image: Type.Optional(Type.String()),
    confirmed: Type.Optional(Type.Boolean()),
  }),
  annotations: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  imageArguments: ['image'],
  call: async (args, { input }) => {
    if (Object(args).confirmed === true) return text('confirmed by argument')
    if (input?.canAsk('form') !== true) return text('pass "confirmed": true')
    const response = formResponse(input, 'confirm', ConfirmSchema)
    if (input.state !== 'priced' || response === undefined) {
      throw new InputRequired({ confirm: askForm('This costs money.', ConfirmSchema) }, 'priced')
    }
    if (response.action !== 'accept') return text('not confirmed')
    return text(response.content.ok ? 'confirmed' : 'rejected')
  },
}

/** A tool that asks for whatever it is told to, without looking at what the client declared. */
export const rashTool: Tool = {
  ...askingTool,
  name: 'ask_rashly',
  inputSchema: Type.Object({ mode: Type.Enum(['form', 'url'], { type: 'string' }) }),
  call: async (args) => {
    const { mode } = Object(args)
    const address = { mode: 'url' as const, message: 'Open this.', url: 'https://images.example/consent' }
    throw new InputRequired({
      it: mode === 'url' ? { method: 'elicitation/create', params: address } : askForm('Well?', ConfirmSchema),
    })
  },
}
