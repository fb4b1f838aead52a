import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { nearlyUsedRules } from '../services/calls/ledger/budget-watch.ts'
import { createLedger, type Ledger } from '../services/calls/ledger/ledger.ts'
import { createLedgerStore } from '../services/calls/ledger/ledger-store.ts'

declare module 'fastify' {
  interface FastifyInstance {
    ledger: Ledger
  }
}

/** Decorates `ledger`: budgets and receipts of paid calls. */
async function ledger(fastify: FastifyInstance): Promise<void> {
  const { config, log, metrics, readiness, stateDatabase, policy } = fastify
  const ledger = createLedger({
    store: stateDatabase && createLedgerStore(stateDatabase),
    rules: () => policy?.source.matchedRules ?? [],
    keepsPrompts: config.receipts.keepsPrompts,
    ttlMs: config.receipts.ttlMs,
    log,
    onRejected: (rule) => metrics.policyRejections.inc({ rule }),
    timing: fastify.appOptions.ledgerTiming,
  })
  metrics.setBudgets(() => ledger.budgets().map(({ usd, ...labels }) => ({ labels, value: usd })))
  if (policy !== undefined) {
    readiness.add('budgets', () => {
      const rules = nearlyUsedRules(ledger.budgets())
      if (rules.length === 0) return { ready: true, state: 'available' }
      return { ready: true, state: 'nearly used', faults: ['IMG_ERR_BUDGET_NEARLY_USED'], facts: { rules } }
    })
  }
  fastify.addHook('onReady', async () => ledger.start())
  fastify.addHook('onClose', () => ledger[Symbol.asyncDispose]())
  fastify.decorate('ledger', ledger)
}

export default fp(ledger, {
  name: 'ledger',
  dependencies: ['config', 'logger', 'metrics', 'policy', 'readiness', 'state'],
})
