import env, { type FastifyEnvOptions } from '@fastify/env'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigSchema, type Settings } from '../schemas/config.ts'
import { type DeploymentList, readDeployments } from '../services/azure/deployment-list.ts'
import { fileProblems } from '../services/azure/file-problems.ts'
import type { Policy } from '../services/calls/policy/policy.ts'
import { type KnownModels, policyWarnings, readPolicyFile } from '../services/calls/policy/policy-file.ts'
import { type Config, parseConfig } from '../services/config/config.ts'
import {
  ConfigurationError,
  type ConfigurationProblem,
  type SchemaError,
  schemaProblems,
} from '../services/config/configuration-error.ts'
import { deepFreeze } from '../services/config/deep-freeze.ts'
import { type Environment, isConfigured, prepareEnvironment, type Transport } from '../services/config/environment.ts'
import { unknownVariableWarnings } from '../services/config/unknown-variables.ts'

type Deployments = DeploymentList['deployments']

export type ServiceConfig = Config & {
  readonly azure: {
    /** The default one first. */
    readonly deployments: readonly [Deployments[number], ...Deployments]
    /** Worth a log line at start-up. */
    readonly warnings: readonly string[]
  }
  /** Paths of the files that secrets were read from, by variable. */
  readonly secretFiles: Readonly<Record<string, string>>
  /** The rules of `POLICY_FILE` at start-up. */
  readonly policy: Policy | undefined
  /** Why rules of another file may not count money or images; undefined: they may. */
  readonly missingForCounting: string | undefined
  /** Of variables that look like the service's and are none, and of rules that name nothing. */
  readonly warnings: readonly string[]
}

declare module 'fastify' {
  interface FastifyInstance {
    config: ServiceConfig
    /** Set by `@fastify/env`, on the instance that validates. */
    settings?: Settings
  }
}

export interface ConfigOptions {
  environment: Environment
  /** Variables of the other transport are neither read nor checked; `http` by default. */
  transport?: Transport | undefined
  /** The configuration if it has been read before, as by `createApp`. */
  config?: ServiceConfig | undefined
}

/** The configuration by itself, for the options with which a Fastify instance is created. @throws ConfigurationError */
export async function loadConfig({ environment, transport = 'http' }: ConfigOptions): Promise<ServiceConfig> {
  const { values, secretFiles, problems } = prepareEnvironment(environment, transport)
  const settings = await validate(values, problems)
  const list = readDeployments({ ...settings, AZURE_API_KEY_FILE: secretFiles.AZURE_API_KEY })
  const parsed = parseConfig({ settings, secretFiles, transport })
  problems.push(...list.problems, ...parsed.problems)
  const warnings = unknownVariableWarnings(environment)
  const policy = readPolicy(settings, problems)

  const [first, ...others] = list.deployments
  if (problems.length > 0 || first === undefined) {
    throw new ConfigurationError(problems, !isConfigured(environment, transport), warnings)
  }
  const azure = { ...parsed.config.azure, deployments: [first, ...others] as const, warnings: list.warnings }
  const policyNotes = policy === undefined ? [] : policyWarnings(policy, knownModels(list.deployments))
  const config = {
    ...parsed.config,
    azure,
    policy,
    secretFiles,
    missingForCounting: missingForCounting(settings),
    warnings: [...warnings, ...policyNotes],
  }
  deepFreeze(config)
  return config
}

/** What rules that count need, for all replicas together. */
function missingForCounting({ LIBRARY, REDIS_URL, DATABASE_URL }: Settings): string | undefined {
  if (LIBRARY === 'off') return 'set LIBRARY=on, whose database counts them'
  if (REDIS_URL === undefined || DATABASE_URL !== undefined) return undefined
  return 'with REDIS_URL set DATABASE_URL as well, so that all replicas count together'
}

function readPolicy(settings: Settings, problems: ConfigurationProblem[]): Policy | undefined {
  if (settings.POLICY_FILE === undefined) return undefined
  try {
    return readPolicyFile(settings.POLICY_FILE, missingForCounting(settings))
  } catch (error) {
    problems.push(...fileProblems(error).map((found) => ({ variable: 'POLICY_FILE', ...found })))
    return undefined
  }
}

function knownModels(deployments: Deployments): KnownModels {
  return {
    names: deployments.flatMap(({ name, model }) => [name, model.id]),
    qualities: deployments.flatMap(({ model }) => model.qualities),
  }
}

/** Validates with `@fastify/env`. What is wrong is reported and left out, so that the rest can be checked as well. */
async function validate(values: Readonly<Record<string, string>>, problems: ConfigurationProblem[]): Promise<Settings> {
  try {
    return await readSettings(values)
  } catch (error) {
    if (!isSchemaFailure(error)) throw error
    const found = schemaProblems(error.errors)
    problems.push(...found)
    const wrong = new Set(found.map(({ variable }) => variable))
    return await readSettings(Object.fromEntries(Object.entries(values).filter(([variable]) => !wrong.has(variable))))
  }
}

/** A copy, because @fastify/env writes into the schema it is given. */
const schema = structuredClone(ConfigSchema)
/** From the second app of a process on the first one's, which has compiled the schema. */
let validator: NonNullable<FastifyEnvOptions['ajv']> = {
  customOptions(ajv) {
    validator = ajv.addVocabulary(['usedBy', 'group'])
    return validator
  },
}

/** On its own instance, so that the flat values, secrets among them, are visible to no other plugin. */
async function readSettings(data: Readonly<Record<string, string>>): Promise<Settings> {
  const fastify = Fastify()
  fastify.register(env, {
    confKey: 'settings',
    schema,
    data,
    env: false,
    ajv: validator,
  })
  await fastify.ready()
  if (fastify.settings === undefined) throw new Error('@fastify/env returned no settings')
  return fastify.settings
}

function isSchemaFailure(error: unknown): error is Error & { errors: SchemaError[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

/**
 * The configuration, read once, as `fastify.config`; no other plugin sees a variable. Every problem is reported at once.
 * @throws ConfigurationError
 */
async function config(fastify: FastifyInstance, options: ConfigOptions): Promise<void> {
  fastify.decorate('config', options.config ?? (await loadConfig(options)))
  for (const warning of fastify.config.warnings) fastify.log.warn(warning)
}

export default fp(config, { name: 'config' })
