import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { type OpenPolicy, openPolicy } from '../services/calls/policy/open-policy.ts'
import { DEFAULT_RULE } from '../services/calls/policy/policy.ts'
import { defaultTiming } from '../services/mcp/timeouts.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined: there are no rules besides `IMAGES_PER_DAY`. */
    policy: OpenPolicy | undefined
  }
}

/** Decorates `policy`: the rules of `POLICY_FILE`. */
async function policy(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, readiness, stateDatabase: database, serverSecret, appOptions } = fastify
  const { policyFile: path } = config.limits
  metrics.policyFileValid.set(1)
  metrics.policyRejections.inc({ rule: DEFAULT_RULE }, 0)
  if (path === undefined || config.policy === undefined) {
    fastify.decorate('policy', undefined)
    return
  }
  const policy = openPolicy({
    path,
    policy: config.policy,
    missing: config.missingForCounting,
    database,
    key: serverSecret.keyFor('confirmations'),
    log,
    pollMs: { ...defaultTiming, ...appOptions.timing }.policyPollMs,
    observer: {
      loaded({ rules }, isCurrent) {
        for (const { name: rule } of rules) metrics.policyRejections.inc({ rule }, 0)
        metrics.policyFileValid.set(isCurrent ? 1 : 0)
      },
      rejected: (rule) => metrics.policyRejections.inc({ rule }),
    },
  })
  fastify.addHook('onClose', async () => policy.source.close())
  readiness.add('policy', () => {
    const faults = policy.source.isCurrent ? [] : (['IMG_ERR_POLICY_FILE'] as const)
    return { ready: true, state: policy.state(), faults }
  })
  fastify.decorate('policy', policy)
}

export default fp(policy, {
  name: 'policy',
  dependencies: ['config', 'logger', 'metrics', 'readiness', 'state', 'server-secret'],
})
