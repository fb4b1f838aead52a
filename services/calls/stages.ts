import type { CallStage } from '../azure/types.ts'

/** The stages of an image call in words for people and models. */
const stageMessages: Readonly<Record<CallStage, string>> = {
  queued: 'waiting in the queue for Azure',
  sent: 'request sent, Azure is generating the image',
  receiving: 'receiving the image',
  partial: 'a partial image has arrived',
  saving: 'saving the image',
}

const words: ReadonlyMap<string, string> = new Map(Object.entries(stageMessages))

/** The words for a stage; a tool may also report other words. */
export function describeStage(stage: string): string {
  return words.get(stage) ?? stage
}

/** A stage that is expected to end in so many milliseconds; `undefined` if that is not known, or at once. */
export function describeWait(stage: string, remainingMs = 0): string | undefined {
  return remainingMs < 1_000 ? undefined : `${describeStage(stage)} (about ${Math.ceil(remainingMs / 1_000)} s)`
}
