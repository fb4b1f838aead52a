import env from '@fastify/env'
import Fastify, { type FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { ConfigSchema, type Settings } from '../schemas/config.ts'
import { type DeploymentList, readDeployments } from '../services/azure/deployment-list.ts'
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
  /** Of variables that look like the service's and are none. */
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

  const [first, ...others] = list.deployments
  if (problems.length > 0 || first === undefined) {
    throw new ConfigurationError(problems, !isConfigured(environment, transport), warnings)
  }
  const azure = { ...parsed.config.azure, deployments: [first, ...others] as const, warnings: list.warnings }
  const config = { ...parsed.config, azure, warnings }
  deepFreeze(config)
  return config
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

/** On its own instance, so that the flat values, secrets among them, are visible to no other plugin. */
async function readSettings(data: Readonly<Record<string, string>>): Promise<Settings> {
  const fastify = Fastify()
  fastify.register(env, {
    confKey: 'settings',
    // A copy, because @fastify/env writes into the schema it is given.
    schema: structuredClone(ConfigSchema),
    data,
    env: false,
    ajv: { customOptions: (ajv) => ajv.addVocabulary(['usedBy', 'group']) },
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
