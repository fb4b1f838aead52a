import { type TestContext, test } from 'node:test'
import { faultMessages } from '../../../services/errors/faults.ts'
import { createLogger } from '../../../services/logging/create-logger.ts'
import { createFaultLog } from '../../../services/telemetry/fault-log.ts'
import { LogLines } from '../../support/app.ts'

test('a fault is logged when it begins, when its facts change, and when it ends, however often it is looked at', async (t: TestContext) => {
  const logs = new LogLines()
  const logFaults = createFaultLog(createLogger('info', logs))
  const nearlyUsed = (...rules: string[]) => ({ code: 'IMG_ERR_BUDGET_NEARLY_USED', facts: { rules } }) as const
  const credential = { code: 'IMG_ERR_AZURE_CREDENTIAL' } as const
  const seen = [[], [credential, nearlyUsed('small')], [nearlyUsed('small')], [nearlyUsed('small', 'wide')], [], []]
  for (const faults of seen) for (let look = 0; look < 3; look++) logFaults(faults)
  const code = 'IMG_ERR_BUDGET_NEARLY_USED'
  t.assert.deepEqual(
    logs.entries.map(({ code, rules, msg }) => ({ code, rules, msg })),
    [
      { code, rules: ['small'], msg: faultMessages[code] },
      { code, rules: ['small', 'wide'], msg: faultMessages[code] },
      { code, rules: undefined, msg: 'fault ended' },
    ],
  )
})
