import { CompleteParamsSchema } from '../../../schemas/mcp.ts'
import { withoutNulls } from '../drop-nulls.ts'
import { defineMethod } from '../method.ts'
import { invalidParams } from '../protocol-error.ts'

/** https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/completion#completion-results */
const MAX_VALUES = 100

export const complete = defineMethod(
  { name: 'completion/complete', needs: 'complete' },
  CompleteParamsSchema,
  async ({ ref, argument, context: given }, { context, engine: { catalog } }) => {
    const values = await catalog.complete?.({ ref, argument, given: withoutNulls(given?.arguments ?? {}) }, context)
    if (values === undefined) throw invalidParams('No prompt or resource template has such an argument.')
    return {
      completion: { values: values.slice(0, MAX_VALUES), total: values.length, hasMore: values.length > MAX_VALUES },
    }
  },
)
