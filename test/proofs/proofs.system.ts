import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'

const script = join(import.meta.dirname, '../../scripts/prove.ts')

const promises = {
  'hostile-images': 'hostile images take bounded memory, and others are served meanwhile',
  'azure-bodies': "every body of Azure's with an image returns it, and every error is classified",
  'library-kills': 'whatever kills the service, an image whose id was told is whole, and every leftover is named',
  'job-kills': 'whatever kills or stops the replicas, no job is sent twice, and each ends',
  'batch-kills': 'whatever kills a batch or its service, no line is sent twice, and each ends',
  'byte-ownership': 'every image arrives whole, and nothing of it stays behind, wherever clients break off',
  'shared-quota': 'three replicas use one quota: no request is rejected, none is wasted, and callers take turns',
  'waiting-callers': 'thousands of callers wait in little memory, and each is answered once',
  'budget-races':
    'replicas that race for budgets never exceed one, and receipts, spending and the bill agree, also after kills',
  studio: 'an image of 12 megapixels opens at once in the studio, and edits leave nothing behind in the page',
  'library-listing': 'pages of many images come out of the index in milliseconds, and show each caller its own',
}

for (const [name, promise] of Object.entries(promises)) {
  test(promise, { timeout: 900_000 }, async (t: TestContext) => {
    const args = [script, name, '--share', '0.1']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    t.after(() => child.kill())
    const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    t.diagnostic(output)
    t.assert.strictEqual(code, 0, `${output}\n${errors}`)
  })
}
