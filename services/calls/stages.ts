import type { CallStage } from '../azure/types.ts'

/** The stages of an image call in words for people and models. */
const stageMessages: Readonly<Record<CallStage, string>> = {
  queued: 'waiting for a turn at Azure',
  sent: 'sent to Azure, which is working on the image',
  receiving: 'the image is arriving',
  sketched: 'a first sketch of the image has arrived',
  saving: 'saving the image',
}

const words: ReadonlyMap<string, string> = new Map(Object.entries(stageMessages))

/** The words for a stage; a tool may report words of its own. */
export function describeStage(stage: string): string {
  return words.get(stage) ?? stage
}
