import { type TestContext, test } from 'node:test'
import { createLateWrites } from '../../../../services/calls/ledger/late-writes.ts'
import { DatabaseUnavailableError } from '../../../../services/databases/unavailable.ts'
import { silent } from '../../../support/calls.ts'
import { waitFor } from '../../../support/wait-for.ts'

const away = async () => {
  throw new DatabaseUnavailableError('away')
}

/** A log that collects the receipts of its errors. */
function errorLog() {
  const receipts: unknown[] = []
  const error = (fields: object) => receipts.push(Reflect.get(fields, 'receipt'))
  return { log: { ...silent, error }, receipts }
}

test('a row that the database never takes does not keep back the others', async (t: TestContext) => {
  const { log, receipts } = errorLog()
  const writes = createLateWrites(log, { retryMs: 1 })
  const written: string[] = []
  let isBack = false
  await writes.write({ receipt: 'poison', write: away })
  for (const receipt of ['a', 'b', 'c']) {
    const write = async () => void (isBack ? written.push(receipt) : await away())
    await writes.write({ receipt, write })
  }
  isBack = true
  await waitFor('the others', () => written.length === 3)
  await writes.close()
  t.assert.deepEqual([written.toSorted(), receipts], [['a', 'b', 'c'], ['poison']])
})

test('a write is given up after its time, and the log names it', async () => {
  const { log, receipts } = errorLog()
  const writes = createLateWrites(log, { retryMs: 1, giveUpMs: 20 })
  await writes.write({ receipt: 'late', write: away })
  await waitFor('the end', () => receipts.includes('late'))
  await writes.close()
})

test('what is left at the end is tried for the last time', async (t: TestContext) => {
  const { log, receipts } = errorLog()
  const writes = createLateWrites(log)
  let isBack = false
  let written = 0
  for (let receipt = 0; receipt < 3; receipt++) {
    await writes.write({ receipt: String(receipt), write: async () => void (isBack ? written++ : await away()) })
  }
  isBack = true
  await writes.close()
  t.assert.deepEqual([written, receipts], [3, []])
})

test('what fails while the end has begun, because the database is busy, is tried for the last time', async (t: TestContext) => {
  const { log, receipts } = errorLog()
  const writes = createLateWrites(log)
  const first = Promise.withResolvers<void>()
  let attempts = 0
  void writes.write({
    receipt: 'a',
    async write() {
      if (++attempts === 1) await first.promise
    },
  })
  const closed = writes.close()
  first.reject(new DatabaseUnavailableError('busy'))
  await closed
  t.assert.deepEqual([attempts, receipts], [2, []])
})

test('a defect of a write is logged, and neither thrown nor repeated', async (t: TestContext) => {
  const { log, receipts } = errorLog()
  const writes = createLateWrites(log, { retryMs: 1 })
  let attempts = 0
  await writes.write({
    receipt: 'defect',
    async write() {
      attempts++
      throw new TypeError()
    },
  })
  await writes.close()
  t.assert.deepEqual([attempts, receipts], [1, ['defect']])
})
