import { AppError, ReportedError } from '../errors/app-error.ts'
import { messageForLog, ServiceError } from '../errors/errors.ts'

/** Names of fields that would contain a key, a prompt or an image if one were logged by mistake. */
const hiddenNames: ReadonlySet<string> = new Set([
  ...['authorization', 'proxy-authorization', 'cookie', 'set-cookie', 'api-key', 'x-api-key', 'password', 'token'],
  ...['prompt', 'data', 'url', 'query'],
])

/** Logged fields are not nested deeper. */
const maxDepth = 4

/**
 * Redacts the fields of a log line: the last of several guards, since code that logs already omits secrets. Errors are
 * reduced to what `describeError` allows. Returns the same object if nothing is redacted.
 */
export function hideSecrets<T extends object>(fields: T): T {
  return hideMembers(fields, 0)
}

function hideMembers<T extends object>(fields: T, depth: number): T {
  let copy: T | undefined
  for (const [name, value] of Object.entries(fields)) {
    const shown = shownOf(name, value, depth)
    if (shown === value) continue
    copy ??= { ...fields }
    Object.assign(copy, { [name]: shown })
  }
  return copy ?? fields
}

function shownOf(name: string, value: unknown, depth: number): unknown {
  if (hiddenNames.has(name)) return '[redacted]'
  // Anything can be thrown, even a string.
  return name === 'err' && value !== undefined ? describeError(value) : hideWithin(value, depth)
}

function hideWithin(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Error) return describeError(value)
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (depth === maxDepth) return '[nested too deep]'
  if (Array.isArray(value)) return value.map((member) => hideWithin(member, depth + 1))
  return isPlain(value) || value instanceof Date ? hideMembers(value, depth + 1) : `[${classOf(value)}]`
}

/** Instances of classes, such as requests, sockets and clients, reference much more than would be logged knowingly. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function classOf(value: object): string {
  const maker: unknown = Reflect.get(value, 'constructor')
  return typeof maker === 'function' ? maker.name : 'object'
}

/** An error as it is logged. */
export interface DescribedError {
  type: string
  code?: string | number
  /** Only if the service wrote it itself. */
  message?: string
  syscall?: string
  statusCode?: number
  /** Where it was thrown: `file:line:column`, innermost first. */
  frames?: readonly string[]
  cause?: DescribedError
  /** Of an `AggregateError`. */
  errors?: readonly DescribedError[]
}

/** Causes are not nested deeper. */
const maxCauses = 4
const maxErrors = 4
const maxFrames = 8

/**
 * An error by an allow-list: its name and code, the system call, where it was thrown, and its message only if the service
 * wrote it. Third-party errors contain the data that they are about: a Redis client's the command with its password, a
 * parser's the text, a token library's the claims.
 */
export function describeError(error: unknown): DescribedError {
  try {
    return describe(error, 0)
  } catch {
    // A getter of the error threw.
    return { type: 'Error' }
  }
}

function describe(error: unknown, depth: number): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error }
  const message = sentenceOf(error)
  const { code, syscall, statusCode, cause, errors } = membersOf(error)
  const frames = error instanceof AppError || isOfSystem(code) ? [] : framesOf(error)
  const isDeeper = depth < maxCauses
  return {
    type: matching(error.name, /^(?:[A-Z][A-Za-z]{0,60})?(?:Error|Exception|Warning)$/) ?? 'Error',
    ...defined('code', typeof code === 'number' ? code : matching(code, /^[A-Z][A-Z0-9_]{1,63}$/)),
    ...defined('message', message),
    ...defined('syscall', matching(syscall, /^[a-z]{1,16}$/)),
    ...defined('statusCode', typeof statusCode === 'number' ? statusCode : undefined),
    ...defined('frames', frames.length > 0 ? frames : undefined),
    ...defined('cause', isDeeper && cause !== undefined ? describe(cause, depth + 1) : undefined),
    ...defined(
      'errors',
      isDeeper && Array.isArray(errors)
        ? errors.slice(0, maxErrors).map((each) => describe(each, depth + 1))
        : undefined,
    ),
  }
}

/** Codes of the operating system, the network and TLS: what failed is outside, and where it was noticed says nothing. */
function isOfSystem(code: unknown): boolean {
  return (
    typeof code === 'string' &&
    /^(E(?!RR_)[A-Z0-9_]+|UND_ERR_\w+|ERR_(TLS|SSL)_\w+|ERR_ACCESS_DENIED|CERT_\w+|[A-Z_]*CERT[A-Z_]*)$/.test(code)
  )
}

interface ErrorMembers {
  code?: unknown
  syscall?: unknown
  statusCode?: unknown
  cause?: unknown
  errors?: unknown
}

function membersOf(error: Error): ErrorMembers {
  return error
}

function sentenceOf(error: Error): string | undefined {
  if (error instanceof ServiceError) return messageForLog(error)
  return error instanceof ReportedError ? error.message : undefined
}

function matching(value: unknown, pattern: RegExp): string | undefined {
  return typeof value === 'string' && pattern.test(value) ? value : undefined
}

function defined<K extends string, V>(name: K, value: V | undefined): { [key in K]?: V } {
  const fields: { [key in K]?: V } = {}
  if (value !== undefined) fields[name] = value
  return fields
}

const frame = /^\s+at .*?((?:[\w.@-]+\/)?[\w.@-]+:\d{1,7}:\d{1,7})\)?$/

/** `TypeError: ` or `TypeError [ERR_CODE]: `, before the message. */
const stackHeader = /^[\w$]{0,64}(?: \[\w{1,64}\])?(?:: )?$/

/** The message precedes the frames and may look like one: unless all of it is found there, no frame can be trusted. */
function framesOf({ stack, message }: Error): string[] {
  if (typeof stack !== 'string' || typeof message !== 'string') return []
  const first = stack.indexOf('\n')
  const at = message === '' ? first : stack.indexOf(`: ${message}\n`) + 2
  const isWhole = message === '' || at > 1
  if (at === -1 || !isWhole || !stackHeader.test(stack.slice(0, at))) return []
  const lines = stack.slice(at + message.length).split('\n')
  return lines.flatMap((line) => frame.exec(line)?.[1] ?? []).slice(0, maxFrames)
}

const urlCredential = /([a-z][a-z0-9+.-]{0,31}:\/\/)[^\s/"@]{1,1024}@/gi
const queryString = /\?[\w.~%-]{1,128}=[^\s"\\]*/g

/** Redacts credentials and query strings of URLs in a log line, or in any text for an operator. */
export function hideAddresses(text: string): string {
  const withoutCredentials = text.includes('://') ? text.replace(urlCredential, '$1[redacted]@') : text
  return withoutCredentials.includes('?') ? withoutCredentials.replace(queryString, '?[redacted]') : withoutCredentials
}

/** Arguments of a log method: fields and a message, or a message alone. */
type LogArguments = [fields: unknown, message?: string | undefined, ...values: unknown[]]

/** Replaces the message where pino would use an error's own. For pino's `hooks.logMethod`. */
export function withoutErrorText([first, message, ...values]: LogArguments): LogArguments {
  // The values are formatted into the message.
  if (typeof first === 'string' && message === undefined) return [first]
  if (typeof first === 'string') return [first, withoutError(message), ...values.map(withoutError)]
  const fields = first instanceof Error ? { err: first } : first
  const error = typeof fields === 'object' && fields !== null && 'err' in fields ? fields.err : undefined
  const isErrorText = error instanceof Error && (message === undefined || message === error.message)
  return [fields, isErrorText ? 'an error was reported' : message, ...values.map(withoutError)]
}

function withoutError<T>(value: T): T | string {
  return value instanceof Error ? JSON.stringify(describeError(value)) : value
}
