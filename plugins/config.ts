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
  valueProblems,
} from '../services/configuration.ts'

declare module 'fastify' {
  interface FastifyInstance {
    config: Config
    /** Secrets that came from a file, with its path: for those who read it again when it changes. */
    secretFiles: Readonly<Record<string, string>>
  }
}

export interface ConfigOptions {
  environment: Environment
}

/**
 * The only plugin that sees the environment. Everything wrong is reported together.
 * @throws ConfigurationError
 */
async function config(fastify: FastifyInstance, { environment }: ConfigOptions): Promise<void> {
  const { values, secretFiles, problems } = prepareEnvironment(environment)
  fastify.decorate('secretFiles', secretFiles)
  problems.push(...valueProblems(values))
  try {
    // A copy, because @fastify/env writes into the schema it is given.
    await fastify.register(env, { schema: structuredClone(ConfigSchema), data: values, env: false })
  } catch (error) {
    if (!isSchemaFailure(error)) throw error
    problems.push(...schemaProblems(error.errors))
  }
  if (problems.length > 0) throw new ConfigurationError(firstOfEach(problems), !isConfigured(environment))
}

/** One line a variable: what is wrong first is what an operator mends first. */
function firstOfEach(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  return [...new Map(problems.toReversed().map((problem) => [problem.variable, problem])).values()].toReversed()
}

function isSchemaFailure(error: unknown): error is Error & { errors: SchemaError[] } {
  return error instanceof Error && 'errors' in error && Array.isArray(error.errors)
}

export default fp(config, { name: 'config' })
