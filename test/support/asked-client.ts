import type { TestContext } from 'node:test'
import type { AppOptions } from '../../app.ts'
import type { Environment } from '../../services/config/environment.ts'
import { png } from './images/images.ts'
import { modernRequest } from './modern-client.ts'
import { callTool, type Service, startService } from './service.ts'

/** A service with two callers, and a modern client of each that can be asked. */

const keys = { MCP_API_KEYS: 'ann:key-of-ann-0123456789,bob:key-of-bob-0123456789' }
export const keyOf = (name: string) => `key-of-${name}-0123456789`
export const as = (name: string) => ({ 'x-api-key': keyOf(name) })
export const gpt = { ...keys, AZURE_DEPLOYMENT_NAME: 'gpt-image-2' }
export const kontext = { ...keys, AZURE_DEPLOYMENT_NAME: 'FLUX.1-Kontext-pro', AZURE_API_DIALECT: 'bfl' }

/** What clients declare. */
export const forms = { elicitation: {} }
export const pages = { elicitation: { url: {} } }
export const both = { elicitation: { form: {}, url: {} } }

export interface Sent {
  tool?: string
  capabilities?: object
  /** Of the caller. */
  name?: string
  /** Responses and state. */
  more?: object
}

export interface Asked {
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever the server returned
  result: any
  error: { code: number } | undefined
  /** Of all blocks. */
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: the same
  requests: any
  requestState: string | undefined
}

export interface AskedService extends Service {
  /** A modern call of a client that can be asked. */
  call(args: object, sent?: Sent): Promise<Asked>
  /** Ids of new images of a caller, in the order of their result. */
  generate(args?: object, name?: string): Promise<string[]>
  upload(address: string, headers?: Record<string, string>): Promise<{ status: number; body: { message: string } }>
  /** Requests that Azure got. */
  sent(): number
}

export async function startAsked(
  t: TestContext,
  environment: Environment = gpt,
  options: Partial<AppOptions> = {},
): Promise<AskedService> {
  const service = await startService(t, environment, {}, { timing: { uploadWaitMs: 100 }, ...options })
  const { url, simulator } = service
  const keyed = environment.MCP_API_KEYS !== undefined
  return {
    ...service,
    async call(args, { tool = 'edit_image', capabilities = forms, name = 'ann', more = {} } = {}) {
      const params = { name: tool, arguments: args, ...more }
      const options = { capabilities, ...(keyed && { key: keyOf(name) }) }
      const { result, error } = await modernRequest(url, 'tools/call', params, options)
      const texts: string[] = result?.content?.flatMap(({ text }: { text?: string }) => text ?? []) ?? []
      const { inputRequests: requests, requestState } = Object(result)
      return { result, error, text: texts.join('\n'), requests, requestState }
    },
    async generate(args = {}, name = 'ann') {
      const { text } = await callTool(url, 'generate_image', { prompt: 'a fox', quality: 'low', ...args }, as(name))
      return Array.from(text.matchAll(/Image id: (img_\w+)/g), ([, id = '']) => id)
    },
    async upload(address, headers = {}) {
      const response = await fetch(address, { method: 'PUT', body: new Uint8Array(await png(64, 48)), headers })
      return { status: response.status, body: Object(await response.json()) }
    },
    sent: () => simulator.requests.length,
  }
}

/** A response by which the user accepts. */
export const accept = (key: string, content?: object) => ({ [key]: { action: 'accept', ...(content && { content }) } })

/** What a form lets the user choose. */
export const choicesOf = (form: {
  params: { requestedSchema: { properties: Record<string, { oneOf: { const: string; title: string }[] }> } }
}) => Object.values(form.params.requestedSchema.properties)[0]?.oneOf ?? []
