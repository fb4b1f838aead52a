import { join } from 'node:path'
import { InvalidValueError } from '../errors/app-error.ts'
import type { ConfigurationProblem } from './configuration-error.ts'
import { unreadableReason } from './permission-flags.ts'
import { placeholderProblem } from './placeholders.ts'
import { readTextFile } from './text-file.ts'
import { type VariableInfo, variables } from './variables.ts'

/** Raw variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>

export type Transport = 'http' | 'stdio'

export interface PreparedEnvironment {
  /** Trimmed values by variable; a blank value is absent. */
  values: Record<string, string>
  /** Path of the file of each secret that came from one, by variable. */
  secretFiles: Record<string, string>
  problems: ConfigurationProblem[]
}

/** The variables that the transport reads. */
export const variablesOf = (transport: Transport): VariableInfo[] =>
  variables.filter(({ usedBy }) => transport === 'http' || usedBy === 'always')

/**
 * Picks the variables that the transport reads: trims them, strips one pair of surrounding quotes (`docker --env-file`
 * keeps them), drops blank ones, and reads secrets from `<NAME>_FILE`.
 */
export function prepareEnvironment(environment: Environment, transport: Transport): PreparedEnvironment {
  const prepared: PreparedEnvironment = { values: {}, secretFiles: {}, problems: [] }
  for (const { name, secret } of variablesOf(transport)) {
    const value = isServiceLink(name, environment[name]) ? undefined : clean(environment[name])
    if (value !== undefined) prepared.values[name] = value
    const problem = value === undefined ? undefined : valueProblem(value)
    if (problem !== undefined) prepared.problems.push({ variable: name, problem, isPlaceholder: true })
    const file = secret ? clean(environment[`${name}_FILE`]) : undefined
    if (file !== undefined) readSecret(name, file, prepared)
  }
  return prepared
}

/** A thousand keys of clients fit. */
const MAX_SECRET_BYTES = 1_048_576

/** The content of a secret's file. @throws Error with a system code, or InvalidValueError with the reason */
export const readSecretFile = (path: string): string => readTextFile(path, MAX_SECRET_BYTES)

function readSecret(name: string, file: string, { values, secretFiles, problems }: PreparedEnvironment): void {
  if (values[name] !== undefined) {
    problems.push({ variable: name, problem: `is given twice, also by ${name}_FILE; remove one` })
    return
  }
  // Set for a file that cannot be read too, so that its secret is not reported as missing.
  values[name] = 'unreadable'
  secretFiles[name] = file
  const report = (problem: string) => problems.push({ variable: `${name}_FILE`, problem })
  try {
    const value = readSecretFile(file).trim()
    if (value === '') report(`names an empty file (${file})`)
    else values[name] = value
    const problem = valueProblem(value)
    if (problem !== undefined) report(`names a file whose content ${problem} (${file})`)
  } catch (error) {
    if (error instanceof InvalidValueError) report(`names ${file}, which ${error.message}`)
    else report(`names a file that cannot be read (${file}: ${unreadableReason(error)})`)
  }
}

/**
 * The environment of a server that a client starts. Images go to the home folder by default, because clients start their
 * servers in `/` or in the folder of some project.
 */
export function stdioEnvironment(environment: Environment, home: string): Environment {
  return { ...environment, IMAGES_DIR: clean(environment.IMAGES_DIR) ?? join(home, 'azure-image-editor', 'images') }
}

/** Whether any variable is set that the transport reads. */
export function isConfigured(environment: Environment, transport: Transport): boolean {
  return variablesOf(transport).some(
    ({ name }) => clean(environment[name]) !== undefined || clean(environment[`${name}_FILE`]) !== undefined,
  )
}

/**
 * Kubernetes sets `MCP_SERVER_PORT=tcp://10.0.0.1:80` in every pod beside a service named `mcp-server`; no port of ours is
 * meant. https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
export const isServiceLink = (name: string, value = ''): boolean =>
  name.endsWith('_PORT') && /^(?:tcp|udp|sctp):\/\//.test(value)

function clean(raw: string | undefined): string | undefined {
  const trimmed = raw?.trim() ?? ''
  const quoted = /^(["'])([\s\S]*)\1$/.exec(trimmed)
  const value = (quoted?.[2] ?? trimmed).trim()
  return value === '' ? undefined : value
}

/** What is wrong with a value of any variable; continues the name of the variable. */
function valueProblem(value: string): string | undefined {
  return isHalfQuoted(value) ? 'begins or ends with a stray quotation mark; remove it' : placeholderProblem(value)
}

/** Lost its other mark, or has the typographic ones of a text processor. */
function isHalfQuoted(value: string): boolean {
  const [first, last] = [value[0] ?? '', value.at(-1) ?? '']
  const hasPlain = /["']/.test(first + last)
  return (hasPlain && (first !== last || value.length === 1)) || /^[“”‘’„«]|[“”‘’»]$/.test(value)
}
