import type { ClientInput } from '../calls/input.ts'
import type { CallContext, ContentBlock, Icon } from '../calls/types.ts'

export interface PromptArgument {
  name: string
  title?: string
  description: string
  required: boolean
}

export interface PromptMessage {
  role: 'user' | 'assistant'
  content: ContentBlock
}

/** A template of messages. Its arguments have been checked before `render` is called. */
export interface Prompt {
  name: string
  title: string
  description: string
  arguments: readonly PromptArgument[]
  icons?: readonly Icon[]
  /** @throws InputRequired where `input` says that the client can be asked */
  render(
    args: Readonly<Record<string, string>>,
    input?: ClientInput,
  ): readonly PromptMessage[] | Promise<readonly PromptMessage[]>
}

/** What a client is typing: an argument of a prompt (by name) or of a resource template (by its URI). */
export interface CompletionRequest {
  ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string }
  argument: { name: string; value: string }
  /** Arguments already filled in. */
  given: Readonly<Record<string, string>>
}

/** All matching values, best first; undefined if no such prompt, template or argument exists. */
export type Complete = (request: CompletionRequest, context: CallContext) => Promise<readonly string[] | undefined>
