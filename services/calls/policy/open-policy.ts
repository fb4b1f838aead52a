import type { StateDatabase } from '../../databases/state-database.ts'
import { ReportedError } from '../../errors/app-error.ts'
import type { Logger } from '../../logging/logger.ts'
import { createConfirmations } from './confirmations.ts'
import { describePolicy, isCounting, type Policy } from './policy.ts'
import { readPolicyFile } from './policy-file.ts'
import { followPolicy, type PolicySource } from './policy-source.ts'
import { createPolicySteps, type PolicySteps } from './policy-steps.ts'

export interface OpenPolicyOptions {
  /** Of the file, and its rules at start-up. */
  path: string
  policy: Policy
  /** Why rules may not count money or images; undefined: they may. */
  missing: string | undefined
  /** Undefined: the library is off. */
  database: StateDatabase | undefined
  /** Of confirmations, 32 bytes. */
  key: Buffer
  log: Logger
  pollMs: number
  observer: {
    /** Rules are in force. @param isCurrent whether they are those of the file as it is now */
    loaded(policy: Policy, isCurrent: boolean): void
    rejected(rule: string): void
  }
}

/** The policy, its steps around a call, and what is told of it. */
export interface OpenPolicy {
  source: PolicySource
  steps: PolicySteps
  /** Whether tools take a dry run and a confirmation; it may change. */
  features(): { hasDryRun: boolean; hasConfirmation: boolean }
  /** A few words for `/ready`. */
  state(): string
}

const NO_DATABASE = 'rules of POLICY_FILE count money or images, which needs the library, and that is off'

/** @throws ReportedError if rules count, and there is no database */
export function openPolicy(options: OpenPolicyOptions): OpenPolicy {
  const { path, policy, database, key, log, pollMs, observer } = options
  if (database === undefined && policy.rules.some(isCounting)) throw new ReportedError(NO_DATABASE)
  const missing = database === undefined ? NO_DATABASE : options.missing
  const read = (file: string) => readPolicyFile(file, missing)
  const source = followPolicy({ path, policy, read, log, onReload: observer.loaded, pollMs })
  const confirmations = database && createConfirmations({ key, database })
  observer.loaded(policy, true)
  log.info({ rules: describePolicy(policy) }, 'policy')
  return {
    source,
    steps: createPolicySteps({ source, confirmations, onRejected: observer.rejected }),
    features() {
      const { isEnforced, rules } = source.policy
      const hasConfirmation = isEnforced && rules.some((rule) => rule.confirm_above_usd !== undefined)
      return { hasDryRun: true, hasConfirmation }
    },
    state() {
      const { isEnforced, unnamed } = source.policy
      return [
        isEnforced ? 'enforced' : 'observed',
        ...(source.isCurrent ? [] : ['the file is invalid, the previous rules hold']),
        ...(unnamed.length === 0 ? [] : [`${unnamed.join(', ')}: a budget without a name`]),
      ].join('; ')
    },
  }
}
