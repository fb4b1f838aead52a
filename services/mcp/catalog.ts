import type { Static, TSchema } from 'typebox'
import { Compile } from 'typebox/compile'
import type { TLocalizedValidationError } from 'typebox/error'
import type { Base64Image } from '../bytes/base64-image.ts'
import type { Logger } from '../logging/logger.ts'

/**
 * What a server offers, told to the protocol layer. The layer knows revisions, envelopes and errors; it learns the
 * meaning of a tool only through these types, so that a test can plug in a catalog of its own.
 */

/** https://modelcontextprotocol.io/specification/2025-11-25/server/tools#annotations */
export interface ToolAnnotations {
  readOnlyHint: boolean
  destructiveHint: boolean
  idempotentHint: boolean
  openWorldHint: boolean
}

/** https://modelcontextprotocol.io/specification/2025-11-25/basic#icons */
export interface Icon {
  /** An `https:` or `data:` URI. */
  src: string
  mimeType?: string
  sizes?: readonly string[]
}

export type ContentBlock =
  | { type: 'text'; text: string }
  /** `data` is base64: a string, or an image whose Buffers are spliced into the response. */
  | { type: 'image'; data: string | Base64Image; mimeType: string }
  | { type: 'audio'; data: string; mimeType: string }
  | { type: 'resource_link'; uri: string; name: string; title?: string; mimeType?: string; size?: number }
  | { type: 'resource'; resource: ResourceContents }

export type ResourceContents =
  | { uri: string; mimeType?: string; text: string }
  | { uri: string; mimeType?: string; blob: string | Base64Image }

export interface ToolResult {
  content: ContentBlock[]
  isError?: boolean
}

export interface ToolContext {
  /** Fires when the caller cancels or disconnects. */
  signal: AbortSignal
  /** `performance.now()` at which the call must have ended. */
  deadlineAt: number
  transport: 'http' | 'stdio'
  /** Who calls: key name, token subject, or address. Never shown to others. */
  caller: string
  requestId: string
  log: Logger
  /** Tells the caller where the work stands, if it asked to know. Never throws. */
  progress(message: string): void
}

export interface Tool<S extends TSchema = TSchema> {
  name: string
  title: string
  description: string
  inputSchema: S
  annotations: ToolAnnotations
  /** Arguments, or lists, in which a long base64 text is an `InlineBlob`; in all others it is a string. */
  imageArguments?: readonly string[]
  icons?: readonly Icon[]
  /** Client capabilities without which a call is answered with -32021. Only modern clients declare them. */
  requiredCapabilities?: readonly string[]
  /** Images that a call with these valid arguments generates and pays for. Absent: none. */
  cost?(args: Static<S>): number
  /** Makes of what a client sent what the schema is to judge; absent: the arguments stay as they are. */
  normalize?(args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>
  /**
   * Looks at the raw arguments before the schema does, for mistakes that deserve a better sentence than a schema's.
   * @throws ServiceError
   */
  reject?(args: Readonly<Record<string, unknown>>, context: ToolContext): void
  /** @throws ServiceError; the protocol layer turns it into a result with `isError`. */
  call(args: Static<S>, context: ToolContext): Promise<ToolResult>
}

/** https://modelcontextprotocol.io/specification/2026-07-28/server/resources#resource */
export interface Resource {
  uri: string
  name: string
  title?: string
  description?: string
  mimeType?: string
  /** Bytes of the decoded content. */
  size?: number
  annotations?: { lastModified?: string }
}

export interface ResourceTemplate {
  uriTemplate: string
  name: string
  title?: string
  description?: string
  mimeType?: string
}

export interface ResourceSource {
  templates: readonly ResourceTemplate[]
  /** A page of the list; `cursor` is what an earlier page gave. @throws ServiceError for a cursor it never gave */
  list(cursor: string | undefined): Promise<{ resources: readonly Resource[]; nextCursor?: string }>
  /** Undefined: there is no such resource. */
  read(uri: string, signal: AbortSignal): Promise<readonly ResourceContents[] | undefined>
}

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

/** A template of messages. Which arguments it takes has been checked before `render` is called. */
export interface Prompt {
  name: string
  title: string
  description: string
  arguments: readonly PromptArgument[]
  icons?: readonly Icon[]
  render(args: Readonly<Record<string, string>>): readonly PromptMessage[]
}

/** What a caller is typing: an argument of a prompt (by name) or of a resource template (by its URI). */
export interface CompletionRequest {
  ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string }
  argument: { name: string; value: string }
  /** Arguments already filled in. */
  given: Readonly<Record<string, string>>
}

/** Everything a server offers. What is absent has no methods and no capability. */
export interface Catalog {
  /** In the order in which they are listed. */
  tools: readonly Tool[]
  resources?: ResourceSource
  prompts?: readonly Prompt[]
  /** All matching values, best first; undefined if there is no such prompt, template or argument. */
  complete?(request: CompletionRequest): Promise<readonly string[] | undefined>
}

export interface CompiledTool {
  tool: Tool
  validator: { Check(value: unknown): boolean; Errors(value: unknown): TLocalizedValidationError[] }
}

/** A catalog ready for use: tools by name, their schemas compiled. */
export interface CompiledCatalog extends Omit<Catalog, 'tools'> {
  tools: ReadonlyMap<string, CompiledTool>
}

export function compileCatalog({ tools, ...rest }: Catalog): CompiledCatalog {
  const compiled = tools.map((tool) => [tool.name, { tool, validator: Compile(tool.inputSchema) }] as const)
  return { ...rest, tools: new Map(compiled) }
}
