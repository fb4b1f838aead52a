import { Compile } from 'typebox/compile'
import { PolicyFileSchema } from '../../../schemas/policy.ts'
import {
  describeProblems,
  InvalidFileError,
  printableName,
  type SchemaProblem,
  schemaProblems,
} from '../../azure/file-problems.ts'
import { isRecord } from '../../bytes/json/is-record.ts'
import { readTextFile } from '../../config/text-file.ts'
import { nearestName } from '../../errors/nearest-name.ts'
import { DEFAULT_RULE, describeUnnamed, hasBudget, isCounting, type NamedRule, type Policy } from './policy.ts'

const policyFile = Compile(PolicyFileSchema)
const MAX_FILE_BYTES = 1_048_576

/**
 * Reads the file of `POLICY_FILE`.
 * @param missing what an operator has to do before rules can count money or images; undefined: they can
 * @throws InvalidFileError with every mistake; Error with a system code, SyntaxError, RangeError, or InvalidValueError if it
 *   cannot be read
 */
export function readPolicyFile(path: string, missing?: string): Policy {
  return parsePolicy(JSON.parse(readTextFile(path, MAX_FILE_BYTES)), missing)
}

/** @throws InvalidFileError with every mistake of every rule */
export function parsePolicy(json: unknown, missing?: string): Policy {
  const given: readonly unknown[] = isRecord(json) && Array.isArray(json.rules) ? json.rules : []
  const names = given.map(nameOf)
  const problems = schemaProblems(PolicyFileSchema, json).map((problem) => naming(problem, names))
  const found = describeProblems(problems)
  for (const name of new Set(names.filter((each, at) => names.indexOf(each) !== at))) {
    found.push(`the name ${name} is used twice`)
  }
  if (names.includes(DEFAULT_RULE)) found.push(`the name ${DEFAULT_RULE} is that of IMAGES_PER_DAY`)
  const counting = given.findIndex((rule) => isRecord(rule) && isCounting(rule))
  if (missing !== undefined && counting !== -1) found.push(`${names[counting]} counts money or images: ${missing}`)
  if (found.length > 0 || !policyFile.Check(json)) throw new InvalidFileError(found)
  return {
    isEnforced: json.mode !== 'observe',
    rules: json.rules.map((rule, at): NamedRule => ({ ...rule, name: names[at] ?? '' })),
    unnamed: names.filter((_, at) => json.rules[at]?.name === undefined && hasBudget(json.rules[at] ?? {})),
  }
}

/** The name of a rule in messages; `rule-1` for the first one that has none. */
function nameOf(rule: unknown, index: number): string {
  const name = isRecord(rule) ? rule.name : undefined
  return typeof name === 'string' && name !== '' ? printableName(name) : `rule-${index + 1}`
}

/** `team-a: max_n must be …` in place of `rules[0].max_n must be …`. */
function naming({ path, problem }: SchemaProblem, names: readonly string[]): SchemaProblem {
  const [, index, rest] = /^rules\[(\d{1,6})\]\.?(.*)$/s.exec(path) ?? []
  if (index === undefined) return { path, problem }
  const name = names[Number(index)] ?? `rule-${Number(index) + 1}`
  return { path: `${name}:${rest === '' ? '' : ` ${rest}`}`, problem }
}

/** What the models of the service know. */
export interface KnownModels {
  /** Of deployments and models. */
  names: readonly string[]
  qualities: readonly string[]
}

/** Sentences about rules that are valid, but name nothing that is there. */
export function policyWarnings({ rules, unnamed }: Policy, known: KnownModels): string[] {
  const nameless = describeUnnamed({ unnamed })
  const about = (rule: NamedRule, member: 'models' | 'qualities', names: readonly string[]) =>
    (rule[member] ?? [])
      .filter((value) => !names.some((name) => name.toLowerCase() === value.toLowerCase()))
      .map((value) => {
        const nearest = nearestName(value, names)
        const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`
        return `POLICY_FILE: ${rule.name}: no deployment has "${printableName(value)}" among its ${member}${hint}`
      })
  return [
    ...(nameless === undefined ? [] : [`POLICY_FILE: ${nameless}`]),
    ...rules.flatMap((rule) => [...about(rule, 'models', known.names), ...about(rule, 'qualities', known.qualities)]),
  ]
}
