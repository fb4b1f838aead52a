import { type TestContext, test } from 'node:test'
import { createLateRecords } from '../../../../services/library/records/late-records.ts'
import { openSqliteIndex } from '../../../../services/library/records/sqlite-index.ts'
import { silent } from '../../../support/calls.ts'
import { imageRecord } from '../../../support/image-records.ts'

test('records that an index cannot take are found by their ids, and are in the index once it can', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { index } = openSqliteIndex({ file: '', onEmptied() {} })
  let isReachable = false
  const sometimes = {
    get: index.get,
    remove: index.remove,
    put: (records: Parameters<typeof index.put>[0]) =>
      isReachable ? index.put(records) : Promise.reject(new Error('connection refused')),
  }
  using late = createLateRecords(sometimes, silent)
  const record = imageRecord(0)
  await late.put([record])
  t.assert.deepEqual(await late.get(record.id), record)
  t.assert.equal(await index.get(record.id), undefined)

  t.mock.timers.tick(2_000)
  isReachable = true
  await new Promise(setImmediate)
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.deepEqual(await index.get(record.id), record)
})

test('a deleted record that waits for the index does not come back', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { index } = openSqliteIndex({ file: '', onEmptied() {} })
  let isReachable = false
  using late = createLateRecords(
    {
      get: index.get,
      remove: index.remove,
      put: (records) => (isReachable ? index.put(records) : Promise.reject(new Error('refused'))),
    },
    silent,
  )
  const record = imageRecord(0)
  await late.put([record])
  await late.remove(record.id)
  isReachable = true
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.equal(await index.get(record.id), undefined)
})

test('an earlier state of a record that waits for the index does not replace a later one', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { index } = openSqliteIndex({ file: '', onEmptied() {} })
  let isReachable = false
  using late = createLateRecords(
    {
      get: index.get,
      remove: index.remove,
      put: (records) => (isReachable ? index.put(records) : Promise.reject(new Error('refused'))),
    },
    silent,
  )
  const record = imageRecord(0)
  await late.put([record])
  isReachable = true
  const changed = { ...record, tags: ['new'] }
  await late.put([changed])
  t.assert.deepEqual(await late.get(record.id), changed)
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.deepEqual(await index.get(record.id), changed)
})

test('an image that is deleted while the index cannot be changed is removed from it later', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { index } = openSqliteIndex({ file: '', onEmptied() {} })
  let isReachable = true
  using late = createLateRecords(
    {
      get: index.get,
      put: index.put,
      remove: (id) => (isReachable ? index.remove(id) : Promise.reject(new Error('refused'))),
    },
    silent,
  )
  const record = imageRecord(0)
  await late.put([record])
  isReachable = false
  await late.remove(record.id)
  t.assert.equal(await late.get(record.id), undefined)
  isReachable = true
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.equal(await index.get(record.id), undefined)
})
