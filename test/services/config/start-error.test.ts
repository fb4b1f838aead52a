import { type TestContext, test } from 'node:test'
import { parseArgs } from 'node:util'
import { explainStartError } from '../../../services/config/start-error.ts'
import { ReportedError } from '../../../services/errors/app-error.ts'

/** What the operator reads after a command line that the service does not know. */
function explained(...args: string[]): string {
  try {
    parseArgs({ args, options: { check: { type: 'boolean' } } })
  } catch (error) {
    return explainStartError(error)
  }
  throw new Error('the command line is valid')
}

test('what this service reports itself is printed as it is', (t: TestContext) => {
  const sentence = '--worker serves no client: use it without --stdio'
  t.assert.equal(explainStartError(new ReportedError(sentence)), `${sentence}\n`)
})

test('an unknown flag is named, an unknown command, which may be a secret, is not; both errors say where the known ones are listed', (t: TestContext) => {
  t.assert.equal(explained('libary'), 'Unknown command; --help lists the commands.\n')
  t.assert.equal(explained('--chek'), "Unknown option '--chek'; --help lists the flags.\n")
})
