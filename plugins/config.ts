import env from '@fastify/env'
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type Config, ConfigSchema } from '../schemas/config.ts'
import {
  ConfigurationError,
  type ConfigurationProblem,
  type Environment,
  isConfigured,
  prepareEnvironment,
  type SchemaError,
  schemaProblems,
  type Transport,
  valueProblems,
} from '../services/config/configuration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    /** Secrets that came from a file, with its path: for those who read it again when it changes. */
    secretFiles: Readonly<Record<string, string>>
  }
}

export interface ConfigOptions {
  environment: Environment
  /** What another transport uses is neither read nor checked; `http` by default. */
  transport?: Transport | undefined
}

/**
 * The only plugin that sees the environment. Everything wrong is reported together.
 * @throws ConfigurationError
 */
async function config(fastify: FastifyInstance, { environment, transport = 'http' }: ConfigOptions): Promise<void> {
  const { values, secretFiles, problems } = prepareEnvironment(environment, transport)
  fastify.decorate('secretFiles', secretFiles)
  problems.push(...valueProblems(values, transport))
  try {
    // A copy, because @fastify/env writes into the schema it is given.
    await fastify.register(env, {
      schema: structuredClone(ConfigSchema),
      data: values,
      env: false,
      ajv: { customOptions: (ajv) => ajv.addKeyword('usedBy') },
    })
  } catch (error) {
    if (!isSchemaFailure(error)) throw error
    problems.push(...schemaProblems(error.errors))
  }
  if (problems.length > 0) throw new ConfigurationError(firstOfEach(problems), !isConfigured(environment, transport))
}

/** One line a variable, since what is wrong first is what an operator fixes first; what stands in a file has its own lines. */
function firstOfEach(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  const keyOf = ({ variable, problem, inFile }: ConfigurationProblem) => (inFile ? `${variable} ${problem}` : variable)
  return [...new Map(problems.toReversed().map((problem) => [keyOf(problem), problem])).values()].toReversed()
}

function isSchemaFailure(error: unknown): error is Error & { errors: SchemaError[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

export default fp(config, { name: 'config' })
