import type { Caller } from '../../auth/authenticator.ts'
import { fileProblems } from '../../azure/file-problems.ts'
import { faultMessages } from '../../errors/faults.ts'
import type { Logger } from '../../logging/logger.ts'
import { followFile } from '../../net/follow-file.ts'
import { memoize } from '../../net/memoize.ts'
import type { MatchedRule } from '../types.ts'
import { describePolicy, describeUnnamed, type NamedRule, type Policy, rulesFor, toMatchedRule } from './policy.ts'

/** The rules of one caller, also as the ledger needs them. */
export interface CallerRules {
  readonly isEnforced: boolean
  readonly rules: readonly NamedRule[]
  readonly matched: readonly MatchedRule[]
}

/** The policy in force, which follows its file. */
export interface PolicySource {
  readonly policy: Policy
  /** All rules, as the ledger needs them. */
  readonly matchedRules: readonly MatchedRule[]
  /** Whether the file as it is now is in force; otherwise the rules before it are. */
  readonly isCurrent: boolean
  of(caller: Caller): CallerRules
  close(): void
}

export interface PolicySourceOptions {
  path: string
  /** As at start-up. */
  policy: Policy
  /** @throws InvalidFileError, or what reading a file throws */
  read(path: string): Policy
  log: Logger
  /** The file has changed. @param isCurrent whether it is in force now */
  onReload(policy: Policy, isCurrent: boolean): void
  /** Milliseconds between checks of the file. */
  pollMs: number
}

/** Follows the file of the policy. While it is missing or invalid the previous rules hold: a mistake must neither stop callers nor let them spend. */
export function followPolicy({ path, policy, read, log, onReload, pollMs }: PolicySourceOptions): PolicySource {
  let current = policy
  let isCurrent = true
  let find = finder(policy)

  function reload(): void {
    const code = 'IMG_ERR_POLICY_FILE'
    try {
      current = read(path)
      if (!isCurrent) log.info({ code }, 'fault ended')
      isCurrent = true
      find = finder(current)
      log.info({ rules: describePolicy(current) }, 'policy reloaded')
      const nameless = describeUnnamed(current)
      if (nameless !== undefined) log.warn({}, `POLICY_FILE: ${nameless}`)
    } catch (err) {
      isCurrent = false
      const problems = fileProblems(err).map(({ problem }) => problem)
      log.error({ code, err, problems }, faultMessages[code])
    }
    onReload(current, isCurrent)
  }

  const close = followFile(path, pollMs, reload)
  return {
    get policy() {
      return current
    },
    get matchedRules() {
      return current.rules.map((rule) => toMatchedRule(rule, current.isEnforced))
    },
    get isCurrent() {
      return isCurrent
    },
    of: (caller) => find(caller),
    close,
  }
}

/** Rules by caller, cached: most calls are of a few callers. */
function finder(policy: Policy): (caller: Caller) => CallerRules {
  const { isEnforced } = policy
  const find = memoize((key): CallerRules => {
    const rules = rulesFor(policy, { id: key.slice(1), isAnonymous: key.startsWith('a') })
    return { isEnforced, rules, matched: rules.map((rule) => toMatchedRule(rule, isEnforced)) }
  })
  return ({ id, isAnonymous }) => find(`${isAnonymous ? 'a' : 'k'}${id}`)
}
