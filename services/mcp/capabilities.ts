import { isRecord } from '../bytes/json/is-record.ts'
import { type Question, questions } from '../calls/input.ts'
import { objectOfEmptyList } from './drop-nulls.ts'

/** What a client declares with a modern request. */
export type ClientCapabilities = Readonly<Record<string, unknown>>

/** @param name of an extension: with its prefix */
export function hasCapability(capabilities: ClientCapabilities, name: string): boolean {
  const declared = name.includes('/') ? capabilities.extensions : capabilities
  return isRecord(declared) && Object.hasOwn(declared, name) && isRecord(objectOfEmptyList(declared[name]))
}

/** The capability by which clients declare that they can be asked. */
export const capabilityOf: Readonly<Record<Question, string>> = {
  form: 'elicitation',
  url: 'elicitation',
  sampling: 'sampling',
  roots: 'roots',
}

/** https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#capabilities */
export function canBeAsked(capabilities: ClientCapabilities, question: Question): boolean {
  const name = capabilityOf[question]
  if (!hasCapability(capabilities, name)) return false
  const { form, url } = Object(capabilities[name])
  if (question === 'url') return isRecord(url)
  // An empty object stands for forms.
  return question !== 'form' || isRecord(form) || !isRecord(url)
}

export const questionsFor = (capabilities: ClientCapabilities): readonly Question[] =>
  questions.filter((question) => canBeAsked(capabilities, question))
