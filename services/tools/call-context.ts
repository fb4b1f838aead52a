import type { CallContext, CallStage } from '../azure/types.ts'
import type { ToolContext } from '../mcp/catalog.ts'

/** What a person or a model is told of a stage. */
const stageMessages: Readonly<Record<CallStage, string>> = {
  queued: 'waiting for a turn at Azure',
  sent: 'sent to Azure, which is working on the image',
  receiving: 'the image is arriving',
  partial: 'a partial image has arrived',
  saving: 'saving the image',
}

/** A tool's context as the Azure client wants it. */
export function callContext({ signal, deadlineAt, log, progress }: ToolContext): CallContext {
  return { signal, deadlineAt, log, onStage: (stage) => progress(stageMessages[stage]) }
}
