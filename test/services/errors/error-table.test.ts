import { describe, type TestContext, test } from 'node:test'
import { errorTable } from '../../../services/errors/error-table.ts'
import { errorCodes, isBilled } from '../../../services/errors/errors.ts'

describe('the error table', () => {
  test('says that a retry may cost again exactly if an image may have been billed', (t: TestContext) => {
    const warned = errorCodes.filter((code) => /may cost again/.test(String(errorTable[code].message)))
    t.assert.deepEqual(warned, errorCodes.filter(isBilled))
  })

  test('calls nothing retryable that may have been billed', (t: TestContext) => {
    t.assert.deepEqual(
      errorCodes.filter((code) => isBilled(code) && errorTable[code].retryable),
      [],
    )
  })
})
