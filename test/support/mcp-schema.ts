import { readFileSync } from 'node:fs'
import { Ajv, type AnySchema, type ValidateFunction } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { decodedLength } from './base64.ts'
import { isTaskMethod, taskErrors, taskNotificationErrors } from './task-schema.ts'

/**
 * Checks messages of the service against the official JSON Schema of each revision.
 * Source: https://github.com/modelcontextprotocol/modelcontextprotocol/tree/main/schema
 */

const RESULTS: Readonly<Record<string, string>> = {
  initialize: 'InitializeResult',
  ping: 'EmptyResult',
  'server/discover': 'DiscoverResult',
  'tools/list': 'ListToolsResult',
  'tools/call': 'CallToolResult',
  'resources/list': 'ListResourcesResult',
  'resources/templates/list': 'ListResourceTemplatesResult',
  'resources/read': 'ReadResourceResult',
  'prompts/list': 'ListPromptsResult',
  'prompts/get': 'GetPromptResult',
  'completion/complete': 'CompleteResult',
  'subscriptions/listen': 'SubscriptionsListenResult',
  'resources/subscribe': 'EmptyResult',
  'resources/unsubscribe': 'EmptyResult',
}

const MODERN_ERRORS: Readonly<Record<number, string>> = {
  [-32020]: 'HeaderMismatchError',
  [-32021]: 'MissingRequiredClientCapabilityError',
  [-32022]: 'UnsupportedProtocolVersionError',
}

interface Revision {
  ajv: Ajv
  definitions: Record<string, unknown>
  /** The key of the definitions in the document. */
  path: string
  compiled: Map<string, ValidateFunction>
}

const loaded = new Map<string, Revision>()

function load(version: string): Revision {
  const known = loaded.get(version)
  if (known !== undefined) return known
  const file = new URL(`../fixtures/mcp-schema/${version}.json`, import.meta.url)
  const schema: Record<string, unknown> = JSON.parse(readFileSync(file, 'utf8'))
  const path = '$defs' in schema ? '$defs' : 'definitions'
  const ajv = path === '$defs' ? new Ajv2020({ strict: false }) : new Ajv({ strict: false })
  ajv.addFormat('uri', (text) => URL.canParse(text))
  ajv.addFormat('uri-template', (text) => !/[\s<>"\\^`]/.test(text))
  ajv.addFormat('byte', (text) => decodedLength(text) !== undefined)
  ajv.addSchema(schema as AnySchema, version)
  const revision = { ajv, definitions: Object(schema[path]), path, compiled: new Map() }
  loaded.set(version, revision)
  return revision
}

/** The errors of `value` against a definition of a revision's schema. */
function schemaErrors(version: string, definition: string, value: unknown): string[] {
  const { ajv, path, compiled } = load(version)
  let validate = compiled.get(definition)
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `${version}#/${path}/${definition}` })
    compiled.set(definition, validate)
  }
  if (validate(value)) return []
  return (validate.errors ?? []).map(
    ({ instancePath, message }) => `${version} ${definition} ${instancePath} ${message}`,
  )
}

/** The errors of a message of the service against the schema of its revision. */
export function messageErrors(version: string, method: string | undefined, message: unknown): string[] {
  if (typeof message !== 'object' || message === null) return ['not an object']
  if ('method' in message && 'id' in message) {
    return [...schemaErrors(version, 'JSONRPCRequest', message), ...schemaErrors(version, 'ServerRequest', message)]
  }
  if ('method' in message) {
    if (message.method === 'notifications/tasks') return taskNotificationErrors(Object(message).params)
    return [
      ...schemaErrors(version, 'JSONRPCNotification', message),
      ...schemaErrors(version, 'ServerNotification', message),
    ]
  }
  const { definitions } = load(version)
  if ('error' in message) return errorErrors(version, message)
  const envelope = 'JSONRPCResultResponse' in definitions ? 'JSONRPCResultResponse' : 'JSONRPCResponse'
  return [
    ...schemaErrors(version, envelope, message),
    ...('result' in message ? resultErrors(version, method, message.result) : []),
  ]
}

function resultErrors(version: string, method = '', result: unknown): string[] {
  const type = Object(result).resultType
  if (isTaskMethod(method) && (type === 'task' || method !== 'tools/call')) return taskErrors(method, result)
  const definition = type === 'input_required' ? 'InputRequiredResult' : RESULTS[method]
  return definition === undefined ? [] : schemaErrors(version, definition, result)
}

function errorErrors(version: string, message: object): string[] {
  const { definitions } = load(version)
  const envelope = 'JSONRPCErrorResponse' in definitions ? 'JSONRPCErrorResponse' : 'JSONRPCError'
  // An unreadable id is null in JSON-RPC, which the schemas up to 2025-06-18 do not allow.
  const hasNullId = 'id' in message && message.id === null && envelope === 'JSONRPCError'
  const code = Object(Object(message).error).code
  const special = envelope === 'JSONRPCErrorResponse' ? MODERN_ERRORS[code] : undefined
  return [
    ...schemaErrors(version, envelope, hasNullId ? { ...message, id: 0 } : message),
    ...(special !== undefined && special in definitions ? schemaErrors(version, special, message) : []),
  ]
}
