import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createLedger, type Ledger, type LedgerOptions } from '../../services/calls/ledger/ledger.ts'
import { createLedgerStore, type LedgerStore } from '../../services/calls/ledger/ledger-store.ts'
import type { Receipt } from '../../services/calls/ledger/receipt.ts'
import type { Call, MatchedRule, PaidFacts, ToolResult } from '../../services/calls/types.ts'
import type { StateDatabase } from '../../services/databases/state-database.ts'
import { serviceError } from '../../services/errors/errors.ts'
import { Rejection } from '../../services/errors/rejection.ts'
import { paidCall, silent } from './calls.ts'

const NOON = Date.UTC(2026, 10, 27, 12)
const HOUR = 3_600_000

export const budgetRule = (changes: Partial<MatchedRule> = {}): MatchedRule => ({
  name: 'team-a',
  isEnforced: true,
  usdPerDay: 1,
  ...changes,
})

const paid = (changes: Partial<PaidFacts> = {}): PaidFacts => ({
  deployment: 'flux',
  model: 'flux.2-pro',
  usage: { megapixelsOut: 1 },
  costUsd: 0.04,
  count: 1,
  images: [],
  ...changes,
})

export const paidResult = (facts = paid()): ToolResult => ({ content: [], paid: facts })

interface CallOptions {
  rules?: MatchedRule[]
  maxUsd?: number | undefined
  cost?: number
  caller?: string
  args?: Record<string, unknown>
}

/** A call that is quoted at 10 cents. */
export function quotedCall({
  rules = [budgetRule()],
  caller = 'key:ann',
  cost = 1,
  ...options
}: CallOptions = {}): Call {
  const maxUsd = 'maxUsd' in options ? options.maxUsd : 0.1
  const { call } = paidCall(options.args ?? { prompt: 'a fox' }, {
    caller,
    requestId: 1,
    make: async () => paidResult(),
  })
  const quote = { deployment: 'flux', model: 'flux.2-pro', count: cost, listUsd: 0.04, maxUsd, waitMs: 0 }
  return { ...call, cost, quote, rules }
}

/** What every ledger does. @param open an empty state database, which the test disposes */
export function describeLedger(name: string, open: () => Promise<StateDatabase>): void {
  async function setUp(changes: Partial<LedgerOptions> = {}) {
    const database = await open()
    const clock = { at: NOON }
    const now = () => clock.at
    const store = createLedgerStore(database, now)
    const ledgers: Ledger[] = []
    const createOne = () => {
      const ledger = createLedger({
        store,
        rules: () => [budgetRule()],
        keepsPrompts: false,
        ttlMs: 0,
        log: silent,
        onRejected() {},
        now,
        ...changes,
      })
      ledgers.push(ledger)
      return ledger
    }
    return {
      database,
      store,
      clock,
      createOne,
      ledger: createOne(),
      async [Symbol.asyncDispose]() {
        for (const each of ledgers) await each[Symbol.asyncDispose]()
        await database[Symbol.asyncDispose]()
      },
    }
  }

  const spendingOf = async (store: LedgerStore, period = '2026-11-27') =>
    (await store.spending(period))
      .toSorted((a, b) => a.rule.localeCompare(b.rule))
      .map(({ rule, micros, reservedMicros, images, reservedImages }) => [
        rule,
        micros,
        reservedMicros,
        images,
        reservedImages,
      ])

  async function receiptsOf(store: LedgerStore, caller?: string): Promise<Receipt[]> {
    const all: Receipt[] = []
    for await (const page of store.receipts({ since: 0, until: NOON * 2, caller })) all.push(...page)
    return all
  }

  async function rejectionOf(call: Promise<unknown>): Promise<Rejection> {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    assert.ok(error instanceof Rejection, String(error))
    return error
  }

  describe(`the ledger on ${name}`, () => {
    test('a call reserves its highest price before it is sent, and then counts what it cost', async () => {
      await using setup = await setUp()
      const { ledger, store } = setup
      await ledger.around(quotedCall(), async () => {
        assert.deepEqual(await spendingOf(store), [['team-a', 0, 100_000, 0, 1]])
        assert.deepEqual(
          (await receiptsOf(store)).map(({ outcome, micros }) => [outcome, micros]),
          [['pending', 100_000]],
        )
        return paidResult()
      })
      assert.deepEqual(await spendingOf(store), [['team-a', 40_000, 0, 1, 0]])
      const [receipt] = await receiptsOf(store)
      assert.partialDeepStrictEqual(receipt, {
        outcome: 'ok',
        caller: 'key:ann',
        micros: 40_000,
        isPriced: true,
        facts: { model: 'flux.2-pro', usage: { megapixelsOut: 1 }, count: 1, rules: ['team-a'] },
      })
      assert.equal(receipt?.facts.prompt, undefined)
      assert.equal(receipt?.facts.promptSha256?.length, 64)
    })

    test('a call that one of several budgets does not allow changes none of them', async () => {
      const rejected: string[] = []
      await using setup = await setUp({ onRejected: (rule) => rejected.push(rule) })
      const { ledger, store } = setup
      const rules = [
        budgetRule({ name: 'wide', usdPerMonth: 100 }),
        budgetRule({ name: 'z-narrow', usdPerDay: 0.05, imagesPerDay: 10 }),
      ]
      const error = await rejectionOf(ledger.around(quotedCall({ rules }), async () => assert.fail('it was sent')))
      assert.equal(error.statusCode, 429)
      assert.equal(error.retryAfterMs, 12 * HOUR)
      assert.equal(
        error.message,
        'The daily budget of rule z-narrow ($0.05) does not allow this call, which may cost up to $0.10; it resets at 00:00 UTC (in 12 h).',
      )
      assert.deepEqual(
        [await spendingOf(store), await spendingOf(store, '2026-11'), await receiptsOf(store)],
        [[], [], []],
      )
      assert.deepEqual(rejected, ['z-narrow'])
    })

    test('a monthly budget and a daily number of images are limits of their own', async () => {
      await using setup = await setUp()
      const { ledger, store } = setup
      const monthly = [budgetRule({ usdPerDay: undefined, usdPerMonth: 0.14 })]
      await ledger.around(quotedCall({ rules: monthly }), async () => paidResult())
      await ledger.around(quotedCall({ rules: monthly }), async () => paidResult())
      const error = await rejectionOf(ledger.around(quotedCall({ rules: monthly }), async () => paidResult()))
      assert.match(error.message, /^The monthly budget of rule team-a .* it resets at 00:00 UTC on 2026-12-01\.$/)
      assert.deepEqual(await spendingOf(store, '2026-11'), [['team-a', 80_000, 0, 2, 0]])
      const images = [budgetRule({ name: 'few', usdPerDay: 5, imagesPerDay: 3 })]
      await ledger.around(quotedCall({ rules: images, cost: 2 }), async () => paidResult(paid({ count: 2 })))
      const second = await rejectionOf(ledger.around(quotedCall({ rules: images, cost: 2 }), async () => paidResult()))
      assert.equal(second.message, 'Daily image quota of rule few exceeded; it resets at 00:00 UTC (in 12 h).')
      await ledger.around(quotedCall({ rules: images, cost: 1 }), async () => paidResult())
      assert.deepEqual(await spendingOf(store), [['few', 80_000, 0, 3, 0]])
    })

    test('where nothing was generated, nothing is counted', async () => {
      await using setup = await setUp()
      const { ledger, store } = setup
      for (const error of [
        serviceError('IMG_ERR_AZURE_CONTENT', [[]]),
        serviceError('IMG_ERR_CANCELLED', []),
        new Error(),
      ]) {
        await assert.rejects(
          ledger.around(quotedCall(), async () => {
            throw error
          }),
        )
      }
      assert.deepEqual(await spendingOf(store), [['team-a', 0, 0, 0, 0]])
      assert.deepEqual(await receiptsOf(store), [])
    })

    test('a failure that may be billed counts what was reserved', async () => {
      await using setup = await setUp()
      const { ledger, store } = setup
      const call = quotedCall()
      await assert.rejects(
        ledger.around(call, async () => {
          throw serviceError('IMG_ERR_AZURE_LOST', [], { detail: { deployment: 'flux', azureRequestId: 'id-1' } })
        }),
      )
      await assert.rejects(
        ledger.around(call, async () => {
          call.context.sentRequests = 1
          throw new Error('a defect after the request was sent')
        }),
      )
      assert.deepEqual(await spendingOf(store), [['team-a', 200_000, 0, 2, 0]])
      const [first, second] = await receiptsOf(store)
      assert.deepEqual([first?.outcome, second?.outcome, first?.micros], ['unknown', 'unknown', 100_000])
      const ids = [first, second].map((each) => each?.facts.azureRequestId)
      assert.deepEqual(ids.toSorted(), ['id-1', undefined])
    })

    test('a call without any rule gets a receipt too', async () => {
      await using setup = await setUp({ keepsPrompts: true })
      const { ledger, store } = setup
      const images = [{ id: 'img_1', sha256: 'ab' }]
      await ledger.around({ ...quotedCall(), rules: undefined, quote: undefined }, async () =>
        paidResult(paid({ images })),
      )
      await ledger[Symbol.asyncDispose]()
      assert.deepEqual(await spendingOf(store), [])
      const [receipt] = await receiptsOf(store)
      assert.partialDeepStrictEqual(receipt, {
        outcome: 'ok',
        micros: 40_000,
        facts: { prompt: 'a fox', images, rules: [] },
      })
    })

    test('an image whose price remains unknown counts what its rule says, or what was reserved', async () => {
      await using setup = await setUp()
      const { ledger, store } = setup
      const unpriced = paid({ costUsd: undefined, count: 2 })
      const rules = [budgetRule({ name: 'a', priceUnknownUsd: 0.2 }), budgetRule({ name: 'b', priceUnknownUsd: 0.25 })]
      await ledger.around(quotedCall({ rules, maxUsd: undefined, cost: 3 }), async () => {
        assert.deepEqual(await spendingOf(store), [
          ['a', 0, 600_000, 0, 3],
          ['b', 0, 750_000, 0, 3],
        ])
        return paidResult(unpriced)
      })
      await ledger.around(quotedCall({ rules: [budgetRule({ name: 'c' })], cost: 3 }), async () => paidResult(unpriced))
      assert.deepEqual(await spendingOf(store), [
        ['a', 400_000, 0, 2, 0],
        ['b', 500_000, 0, 2, 0],
        ['c', 100_000, 0, 2, 0],
      ])
      const receipts = await receiptsOf(store)
      assert.deepEqual(receipts.map(({ micros }) => micros).toSorted(), [100_000, 500_000])
      assert.ok(receipts.every(({ isPriced }) => !isPriced))
    })

    test('a rule that only observes counts, reports what it would have rejected, and rejects nothing', async () => {
      const reported: string[] = []
      await using setup = await setUp({ onRejected: (rule) => reported.push(rule) })
      const { ledger, store } = setup
      const rules = [budgetRule({ isEnforced: false, usdPerDay: 0.01, usdPerMonth: 0.01, imagesPerDay: 1 })]
      for (let call = 0; call < 3; call++) await ledger.around(quotedCall({ rules }), async () => paidResult())
      assert.deepEqual(await spendingOf(store), [['team-a', 120_000, 0, 3, 0]])
      await ledger.around(quotedCall({ rules: [budgetRule({ name: 'wide', isEnforced: false })] }), async () =>
        paidResult(),
      )
      assert.deepEqual(reported, ['team-a', 'team-a', 'team-a'])
    })

    test('a call that ends after midnight belongs to the day on which it was reserved', async () => {
      await using setup = await setUp()
      const { ledger, store, clock } = setup
      clock.at = NOON + 12 * HOUR - 1
      const rules = [budgetRule({ usdPerMonth: 10 })]
      await ledger.around(quotedCall({ rules }), async () => {
        clock.at = NOON + 12 * HOUR + 1
        return paidResult()
      })
      assert.deepEqual(await spendingOf(store), [['team-a', 40_000, 0, 1, 0]])
      assert.deepEqual(await spendingOf(store, '2026-11-28'), [])
      assert.deepEqual((await receiptsOf(store))[0]?.createdAt, NOON + 12 * HOUR - 1)
    })

    test('what a killed process reserved is counted as spent after its end, once, whoever looks', async () => {
      await using setup = await setUp()
      const { ledger, store, clock, createOne } = setup
      const killed = Promise.withResolvers<ToolResult>()
      const calls = Array.from({ length: 5 }, () => ledger.around(quotedCall(), () => killed.promise))
      while ((await receiptsOf(store)).length < 5);
      assert.deepEqual(await store.giveUp(), [])
      clock.at += 600_000
      const given = (await Promise.all(Array.from({ length: 4 }, () => store.giveUp()))).flat()
      assert.deepEqual([given.length, new Set(given.map(({ id }) => id)).size], [5, 5])
      assert.ok(given.every(({ outcome, micros }) => outcome === 'unknown' && micros === 100_000))
      createOne().start()
      assert.deepEqual(await spendingOf(store), [['team-a', 500_000, 0, 5, 0]])
      // It was only slow.
      killed.resolve(paidResult())
      await Promise.all(calls)
      assert.deepEqual(await spendingOf(store), [['team-a', 200_000, 0, 5, 0]])
      assert.ok((await receiptsOf(store)).every(({ outcome, micros }) => outcome === 'ok' && micros === 40_000))
    })

    test('a call that ends at the moment when it is given up counts once', async () => {
      await using setup = await setUp()
      const { ledger, store, clock } = setup
      const ends = Array.from({ length: 20 }, () => Promise.withResolvers<ToolResult>())
      const calls = ends.map(({ promise }) =>
        ledger.around(quotedCall({ rules: [budgetRule({ usdPerDay: 9 })] }), () => promise),
      )
      while ((await receiptsOf(store)).length < 20);
      clock.at += 600_000
      const giving = store.giveUp()
      for (const { resolve } of ends) resolve(paidResult())
      await Promise.all([giving, ...calls])
      assert.deepEqual(await spendingOf(store), [['team-a', 800_000, 0, 20, 0]])
    })

    test('a call that was given up and then failed without cost is counted no more', async () => {
      await using setup = await setUp()
      const { ledger, store, clock } = setup
      await assert.rejects(
        ledger.around(quotedCall(), async () => {
          clock.at += 600_000
          await store.giveUp()
          assert.deepEqual(await spendingOf(store), [['team-a', 100_000, 0, 1, 0]])
          throw serviceError('IMG_ERR_CANCELLED', [])
        }),
      )
      assert.deepEqual(await spendingOf(store), [['team-a', 0, 0, 0, 0]])
    })

    test('what is written twice, because the first response was lost, counts once', async () => {
      await using setup = await setUp()
      const { ledger, store } = setup
      await ledger.around(quotedCall(), async () => paidResult())
      const [receipt] = await receiptsOf(store)
      assert.ok(receipt !== undefined)
      const entry = { rule: 'team-a', period: '2026-11-27', micros: 100_000, images: 1 }
      await store.settle(receipt, [entry], [{ ...entry, micros: 40_000 }])
      await store.release(receipt.id, [entry])
      await store.add(receipt, [entry])
      assert.deepEqual(await spendingOf(store), [['team-a', 40_000, 0, 1, 0]])
      assert.equal((await receiptsOf(store)).length, 1)
    })

    test('calls that race for a budget never exceed it, in whatever order their rules are named', async () => {
      await using setup = await setUp()
      const { ledger, store, createOne } = setup
      const other = createOne()
      const rules = [
        budgetRule({ name: 'one', usdPerDay: 2 }),
        budgetRule({ name: 'two', usdPerDay: 3, imagesPerDay: 45 }),
      ]
      let [sent, running, most] = [0, 0, 0]
      const make = async () => {
        sent++
        most = Math.max(most, ++running)
        const [[, spent = 0, reserved = 0] = []] = await spendingOf(store)
        assert.ok(Number(spent) + Number(reserved) <= 2_000_000)
        running--
        return paidResult()
      }
      const failures: unknown[] = []
      // So many at once that they race, and so few that none waits for a connection until it is rejected.
      const lane = async (first: number) => {
        for (let at = first; at < 120; at += 12) {
          const call = quotedCall({ rules: at % 3 === 0 ? rules : rules.toReversed() })
          await (at % 2 === 0 ? ledger : other).around(call, make).catch((error) => failures.push(error))
        }
      }
      await Promise.all(Array.from({ length: 12 }, (_, first) => lane(first)))
      assert.deepEqual(
        failures.filter((each) => !(each instanceof Rejection && each.statusCode === 429)),
        [],
      )
      assert.ok(sent >= 20 && sent <= 45 && most > 1, `${sent} ${most}`)
      assert.deepEqual(await spendingOf(store), [
        ['one', sent * 40_000, 0, sent, 0],
        ['two', sent * 40_000, 0, sent, 0],
      ])
      assert.equal(
        (await receiptsOf(store)).reduce((sum, { micros = 0 }) => sum + micros, 0),
        sent * 40_000,
      )
    })

    test('receipts are read in their order, each once, by time and caller', async () => {
      await using setup = await setUp()
      const { ledger, store, clock } = setup
      const rules: MatchedRule[] = []
      for (let at = 0; at < 1_203; at++) {
        if (at % 400 === 0) clock.at++
        await ledger.around(quotedCall({ rules, caller: at % 100 === 0 ? 'key:ben' : 'key:ann' }), async () =>
          paidResult(),
        )
      }
      await ledger[Symbol.asyncDispose]()
      const all = await receiptsOf(store)
      assert.equal(new Set(all.map(({ id }) => id)).size, 1_203)
      assert.ok(all.every(({ createdAt }, at) => at === 0 || createdAt >= (all[at - 1]?.createdAt ?? 0)))
      assert.equal((await receiptsOf(store, 'key:ben')).length, 13)
      let between = 0
      for await (const page of store.receipts({ since: NOON + 2, until: NOON + 3 })) between += page.length
      assert.equal(between, 400)
    })

    test('old receipts are forgotten, and budgets of old periods with them, except what is still reserved', async () => {
      await using setup = await setUp()
      const { ledger, store, clock } = setup
      const open = Promise.withResolvers<ToolResult>()
      await ledger.around(quotedCall(), async () => paidResult())
      const late = ledger.around(quotedCall({ rules: [budgetRule({ name: 'late' })] }), () => open.promise)
      while ((await receiptsOf(store)).length < 2);
      clock.at += 40 * 24 * HOUR
      await store.forget(clock.at - HOUR)
      assert.deepEqual(
        (await receiptsOf(store)).map(({ outcome }) => outcome),
        ['pending'],
      )
      assert.deepEqual(await spendingOf(store), [['late', 0, 100_000, 0, 1]])
      open.resolve(paidResult())
      await late
      assert.deepEqual(await spendingOf(store), [['late', 40_000, 0, 1, 0]])
    })

    test('the figures for metrics are those of the current periods', async () => {
      await using setup = await setUp({ rules: () => [budgetRule({ usdPerMonth: 20 })] })
      const { ledger, store, clock } = setup
      await ledger.around(quotedCall({ rules: [budgetRule({ usdPerMonth: 20 })] }), async () => paidResult())
      clock.at += HOUR
      ledger.start()
      while (
        (await store.spending('2026-11')).length === 0 ||
        ledger.budgets().every(({ usd, kind }) => kind === 'limit' || usd === 0)
      );
      const figures = ledger.budgets().map(({ rule, period, kind, usd }) => `${rule} ${period} ${kind} ${usd}`)
      assert.deepEqual(figures, [
        'team-a day spent 0.04',
        'team-a day reserved 0',
        'team-a day limit 1',
        'team-a month spent 0.04',
        'team-a month reserved 0',
        'team-a month limit 20',
      ])
    })
  })
}
