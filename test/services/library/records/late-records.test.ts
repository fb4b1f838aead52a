import { type TestContext, test } from 'node:test'
import { createLateRecords } from '../../../../services/library/records/late-records.ts'
import { openSqliteIndex } from '../../../../services/library/records/sqlite-index.ts'
import { silent } from '../../../support/calls.ts'
import { imageRecord } from '../../../support/image-records.ts'

/** An index that at first refuses one kind of change, with a clock of its own. */
function start(t: TestContext, refused: 'put' | 'remove') {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const { index } = openSqliteIndex({ file: '', onEmptied() {} })
  const network = { isUp: false }
  const over = <T>(kind: 'put' | 'remove', work: () => Promise<T>) =>
    network.isUp || kind !== refused ? work() : Promise.reject(new Error('connection refused'))
  const late = createLateRecords(
    {
      get: index.get,
      put: (records) => over('put', () => index.put(records)),
      remove: (id) => over('remove', () => index.remove(id)),
    },
    silent,
  )
  t.after(() => late[Symbol.dispose]())
  return { index, late, network }
}

test('records that an index cannot take are found by their ids, and are in the index once it can', async (t: TestContext) => {
  const { index, late, network } = start(t, 'put')
  const record = imageRecord(0)
  await late.put([record])
  t.assert.deepEqual(await late.get(record.id), record)
  t.assert.equal(await index.get(record.id), undefined)

  t.mock.timers.tick(2_000)
  network.isUp = true
  await new Promise(setImmediate)
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.deepEqual(await index.get(record.id), record)
})

test('a deleted record that waits for the index does not come back', async (t: TestContext) => {
  const { index, late, network } = start(t, 'put')
  const record = imageRecord(0)
  await late.put([record])
  await late.remove(record.id)
  network.isUp = true
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.equal(await index.get(record.id), undefined)
})

test('an earlier state of a record that waits for the index does not replace a later one', async (t: TestContext) => {
  const { index, late, network } = start(t, 'put')
  const record = imageRecord(0)
  await late.put([record])
  network.isUp = true
  const changed = { ...record, tags: ['new'] }
  await late.put([changed])
  t.assert.deepEqual(await late.get(record.id), changed)
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.deepEqual(await index.get(record.id), changed)
})

test('an image that is deleted while the index cannot be changed is removed from it later', async (t: TestContext) => {
  const { index, late, network } = start(t, 'remove')
  const record = imageRecord(0)
  await late.put([record])
  await late.remove(record.id)
  t.assert.equal(await late.get(record.id), undefined)
  network.isUp = true
  t.mock.timers.tick(2_000)
  await new Promise(setImmediate)
  t.assert.equal(await index.get(record.id), undefined)
})
