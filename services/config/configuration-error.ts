import { ReportedError } from '../errors/app-error.ts'
import { hideAddresses } from '../logging/redaction.ts'
import { variables } from './variables.ts'

/** One thing wrong with the configuration. */
export interface ConfigurationProblem {
  variable: string
  /** What is wrong, without the value. */
  problem: string
  /** The variable is right, but the content of the file that it names is not; one file may have several problems. */
  inFile?: boolean
  /** The value is an example, so that one more helps nobody. */
  isPlaceholder?: boolean
}

/** Everything that is wrong with the configuration. The message has one line per problem and never a value. */
export class ConfigurationError extends ReportedError {
  override name = 'ConfigurationError'
  readonly problems: readonly ConfigurationProblem[]
  /** No variable of the service is set: a first start. */
  readonly empty: boolean
  /** Of variables that the service does not know, one of which may be meant for a missing one. */
  readonly warnings: readonly string[]

  constructor(found: readonly ConfigurationProblem[], empty = false, warnings: readonly string[] = []) {
    const problems = firstOfEach(found)
    super(problems.map(describe).join('\n'))
    this.problems = problems
    this.empty = empty
    this.warnings = warnings
  }
}

/**
 * One problem per variable, the first, because the next ones often follow from it; all problems of a file's content. A
 * secret whose file cannot be read has no value, so that only the file is reported.
 */
function firstOfEach(problems: readonly ConfigurationProblem[]): ConfigurationProblem[] {
  const known = new Set(problems.map(({ variable }) => variable))
  const keyOf = ({ variable, problem, inFile }: ConfigurationProblem) => (inFile ? `${variable} ${problem}` : variable)
  const first = new Map<string, ConfigurationProblem>()
  for (const problem of problems) {
    if (!known.has(`${problem.variable}_FILE`) && !first.has(keyOf(problem))) first.set(keyOf(problem), problem)
  }
  return [...first.values()]
}

function describe({ variable, problem, inFile = false, isPlaceholder = false }: ConfigurationProblem): string {
  const example = inFile || isPlaceholder ? '' : exampleOf(variable)
  return `${variable}: ${hideUserInfo(problem)}${example}`
}

/** Of a secret also how to name its file. */
function exampleOf(variable: string): string {
  const info = variables.find(({ name }) => name === variable)
  if (info === undefined) return ''
  const file = info.secret ? ` or ${variable}_FILE=/run/secrets/${variable.toLowerCase()}` : ''
  return `, for example ${variable}=${info.example}${file}`
}

/** A credential before an `@`: a list of hosts is quoted and printed, and may hold a whole address by mistake. */
const userInfo = /[^\s,"'/@:]{1,256}:[^\s,"'/@]{1,1024}@/g

export function hideUserInfo(text: string): string {
  return hideAddresses(text).replace(userInfo, '[redacted]@')
}

/** What `@fastify/env` (Ajv) reports; https://ajv.js.org/api.html#error-objects */
export interface SchemaError {
  keyword: string
  instancePath: string
  params: Record<string, unknown>
}

/** Turns the validator's errors into problems that an operator can fix. */
export function schemaProblems(errors: readonly SchemaError[]): ConfigurationProblem[] {
  return errors.map(({ keyword, instancePath, params }) => ({
    variable: instancePath.slice(1),
    problem: ruleOf(keyword, params),
  }))
}

function ruleOf(keyword: string, params: Record<string, unknown>): string {
  switch (keyword) {
    case 'type':
      return params.type === 'integer' ? 'must be a whole number' : 'must be one of true, false'
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
