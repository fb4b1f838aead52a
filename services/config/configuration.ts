import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type VariableFacts, variables } from '../../schemas/config.ts'
import { parseApiKeys } from '../auth/api-keys.ts'
import { readDeployments } from '../azure/deployment-list.ts'
import { ReportedError } from '../errors/errors.ts'
import { hideAddresses } from '../logging/redaction.ts'
import { parseAllowedHosts, parseAllowedOrigins } from '../net/origin-policy.ts'
import { isSecureUrl } from '../net/secure-url.ts'
import { parseTrustedProxies } from '../net/trusted-proxies.ts'

/** Raw variables, as the process has them. */
export type Environment = Readonly<Record<string, string | undefined>>

export type Transport = 'http' | 'stdio'

/** One thing wrong with the configuration. */
export interface ConfigurationProblem {
  variable: string
  /** What is wrong, without the value. */
  problem: string
  /** The value is right, but not what stands in the file that it names; a file may have several problems. */
  inFile?: boolean
}

/** Everything that is wrong with the configuration, at once. Its message has one line a problem and never a value. */
export class ConfigurationError extends ReportedError {
  readonly problems: readonly ConfigurationProblem[]
  /** No variable of the service is set at all: somebody is trying it for the first time. */
  readonly empty: boolean

  constructor(problems: readonly ConfigurationProblem[], empty = false) {
    super(problems.map(describe).join('\n'))
    this.name = 'ConfigurationError'
    this.problems = problems
    this.empty = empty
  }
}

function describe({ variable, problem, inFile }: ConfigurationProblem): string {
  const example = inFile === true ? undefined : variables.find(({ name }) => name === variable)?.example
  return `${variable}: ${hideUserInfo(problem)}${example === undefined ? '' : `, for example ${variable}=${example}`}`
}

/** What stands in front of an `@`: lists of hosts are quoted and printed, and somebody may have put a whole address there. */
const userInfo = /[^\s,"'/@:]{1,256}:[^\s,"'/@]{1,1024}@/g

function hideUserInfo(text: string): string {
  return hideAddresses(text).replace(userInfo, '[redacted]@')
}

/** The shape of what `@fastify/env` (Ajv) reports; https://ajv.js.org/api.html#error-objects */
export interface SchemaError {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
}

/** Turns the validator's errors into problems that an operator can act on. */
export function schemaProblems(errors: readonly SchemaError[]): ConfigurationProblem[] {
  return errors.map(({ keyword, instancePath, params }) => {
    if (keyword === 'required') return { variable: String(params.missingProperty), problem: 'is required' }
    return { variable: instancePath.slice(1), problem: rule(keyword, params) }
  })
}

function rule(keyword: string, params: Record<string, unknown>): string {
  switch (keyword) {
    case 'type':
      return params.type === 'integer' ? 'must be a whole number' : `must be of type ${params.type}`
    case 'minimum':
      return `must be at least ${params.limit}`
    case 'maximum':
      return `must be at most ${params.limit}`
    case 'enum':
      return `must be one of ${Array.isArray(params.allowedValues) ? params.allowedValues.join(', ') : 'the allowed values'}`
    case 'maxLength':
      return `must be at most ${params.limit} characters long`
    default:
      return 'does not have the right form'
  }
}

export interface PreparedEnvironment {
  /** Trimmed values under the names of the schema; what is blank is absent. */
  values: Record<string, string>
  /** Secrets that came from a file, with its path. */
  secretFiles: Record<string, string>
  problems: ConfigurationProblem[]
}

/** The variables that a transport uses. */
const variablesOf = (transport: Transport) =>
  variables.filter(({ usedBy }) => transport === 'http' || usedBy === 'always')

/**
 * Picks the variables that the transport uses out of an environment: trims them, strips one pair of surrounding quotes
 * (`docker --env-file` keeps them), drops blank ones, and reads secrets from `<NAME>_FILE`.
 */
export function prepareEnvironment(environment: Environment, transport: Transport): PreparedEnvironment {
  const values: Record<string, string> = {}
  const secretFiles: Record<string, string> = {}
  const problems: ConfigurationProblem[] = []
  for (const variable of variablesOf(transport)) {
    const { name, secret } = variable
    const value = secret ? readSecret(variable, environment, problems) : clean(environment[name])
    if (value !== undefined) values[name] = value
    const path = secret ? clean(environment[`${name}_FILE`]) : undefined
    if (path !== undefined) secretFiles[name] = path
  }
  return { values, secretFiles, problems }
}

/**
 * The environment of a server that a client starts: images go to the home folder by default, because clients start
 * their servers in `/`, where nothing can be written, or in a folder that is not the user's own.
 */
export function stdioEnvironment(environment: Environment, home: string): Environment {
  return { ...environment, IMAGES_DIR: clean(environment.IMAGES_DIR) ?? join(home, 'azure-image-editor', 'images') }
}

function clean(raw: string | undefined): string | undefined {
  const trimmed = raw?.trim() ?? ''
  const quoted = /^(["'])([\s\S]*)\1$/.exec(trimmed)
  const value = (quoted?.[2] ?? trimmed).trim()
  return value === '' ? undefined : value
}

/** Stands for a secret whose file could not be read. */
const UNREADABLE = 'unreadable'

function readSecret(
  { name }: VariableFacts,
  environment: Environment,
  problems: ConfigurationProblem[],
): string | undefined {
  const direct = clean(environment[name])
  const path = clean(environment[`${name}_FILE`])
  if (path === undefined) return direct
  if (direct !== undefined) {
    problems.push({ variable: name, problem: `is given twice, also by ${name}_FILE; remove one` })
    return direct
  }
  // A placeholder keeps "is required" from being reported on top of the true problem.
  const unreadable = (problem: string) => {
    problems.push({ variable: `${name}_FILE`, problem })
    return UNREADABLE
  }
  try {
    const value = readFileSync(path, 'utf8').trim()
    return value === '' ? unreadable(`names an empty file (${path})`) : value
  } catch (error) {
    return unreadable(`names a file that cannot be read (${path}: ${errorCode(error)})`)
  }
}

/** The system's short code for a failure (`ENOENT`), or `error`. */
function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'error'
}

const lists = {
  TRUST_PROXY: parseTrustedProxies,
  ALLOWED_HOSTS: parseAllowedHosts,
  ALLOWED_ORIGINS: parseAllowedOrigins,
}

/** What a schema cannot say of a value. Takes raw values, so that it can run beside the schema. */
export function valueProblems(values: Readonly<Record<string, string>>, transport: Transport): ConfigurationProblem[] {
  const { AZURE_BASE_URL, AZURE_API_KEY, AZURE_DEPLOYMENT_NAME, AZURE_MODELS_FILE, AZURE_DEPLOYMENTS_FILE } = values
  const problems: ConfigurationProblem[] = readDeployments({
    AZURE_BASE_URL,
    AZURE_API_KEY,
    AZURE_DEPLOYMENT_NAME,
    AZURE_MODELS_FILE,
    AZURE_DEPLOYMENTS_FILE,
    AZURE_AUTH: values.AZURE_AUTH === 'entra' ? 'entra' : 'key',
  }).problems
  for (const [variable, parse] of Object.entries(lists)) {
    try {
      parse(values[variable])
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      problems.push({ variable, problem: error.message })
    }
  }
  for (const variable of ['AZURE_BASE_URL', 'HTTPS_PROXY', 'REDIS_URL']) {
    const value = values[variable]
    if (value !== undefined && !URL.canParse(value)) problems.push({ variable, problem: 'is not a URL' })
  }
  return transport === 'stdio' ? problems : [...problems, ...byteProblems(values), ...accessProblems(values)]
}

function byteProblems(values: Readonly<Record<string, string>>): ConfigurationProblem[] {
  const numberOf = (wanted: string) => Number(values[wanted] ?? variables.find(({ name }) => name === wanted)?.default)
  if (numberOf('MAX_INFLIGHT_BYTES') >= numberOf('MAX_BODY_BYTES')) return []
  return [{ variable: 'MAX_INFLIGHT_BYTES', problem: 'must be at least MAX_BODY_BYTES' }]
}

function accessProblems(values: Readonly<Record<string, string>>): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = []
  const report = (variable: string, problem: string) => problems.push({ variable, problem })
  try {
    // A file that could not be read has a problem of its own by now.
    if (values.MCP_API_KEYS !== undefined && values.MCP_API_KEYS !== UNREADABLE) parseApiKeys(values.MCP_API_KEYS)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    report('MCP_API_KEYS', error.message)
  }
  if (values.PUBLIC_URL !== undefined && !URL.canParse(values.PUBLIC_URL)) report('PUBLIC_URL', 'is not a URL')
  for (const name of ['OAUTH_ISSUER', 'OAUTH_JWKS_URL'] as const) {
    const value = values[name]
    if (value !== undefined && !isSecureUrl(value)) report(name, 'is not an https URL (http is for this machine only)')
  }
  if (values.OAUTH_ISSUER !== undefined) {
    for (const name of ['OAUTH_AUDIENCE', 'PUBLIC_URL'] as const) {
      if (values[name] === undefined) report(name, 'is required with OAUTH_ISSUER')
    }
  } else if (values.OAUTH_AUDIENCE !== undefined || values.OAUTH_REQUIRED_SCOPES !== undefined) {
    report('OAUTH_ISSUER', 'is required with OAUTH_AUDIENCE and OAUTH_REQUIRED_SCOPES')
  }
  if (values.REQUIRE_AUTH === 'true' && values.MCP_API_KEYS === undefined && values.OAUTH_ISSUER === undefined) {
    report('REQUIRE_AUTH', 'is true, but neither MCP_API_KEYS nor OAUTH_ISSUER is set')
  }
  return problems
}

/** Whether any variable is set that the transport uses. */
export function isConfigured(environment: Environment, transport: Transport): boolean {
  return variablesOf(transport).some(
    ({ name }) => clean(environment[name]) !== undefined || clean(environment[`${name}_FILE`]) !== undefined,
  )
}

/** The configuration as lines `NAME=value` for an operator, secrets replaced by how long they are. */
export function printConfiguration(config: Readonly<Record<string, unknown>>, transport: Transport = 'http'): string {
  return variables
    .map(({ name, secret, usedBy }) => {
      if (transport === 'stdio' && usedBy !== 'always') return `${name} is not used with --stdio`
      const value = config[name]
      if (value === undefined) return `${name} is not set`
      return `${name}=${secret ? `(secret, ${String(value).length} characters)` : hideUserInfo(String(value))}`
    })
    .join('\n')
}
