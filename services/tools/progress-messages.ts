import type { CallContext, CallStage } from '../azure/types.ts'
import type { ToolContext } from '../mcp/catalog.ts'

/** Progress messages for clients. */
const stageMessages: Readonly<Record<CallStage, string>> = {
  queued: 'waiting in the queue for Azure',
  sent: 'request sent, Azure is generating the image',
  receiving: 'receiving the image',
  partial: 'a partial image has arrived',
  saving: 'saving the image',
}

/** The context of the Azure client. */
export function azureContext({ signal, deadlineAt, log, progress }: ToolContext): CallContext {
  return { signal, deadlineAt, log, onStage: (stage) => progress(stageMessages[stage]) }
}
