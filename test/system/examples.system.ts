import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, type TestContext, test } from 'node:test'
import sharp from 'sharp'
import { listen } from '../support/app.ts'
import { documents, type Example, examplesOf, isDockers } from '../support/markdown.ts'
import { startSimulator } from '../support/simulator.ts'
import { cleanEnvironment, copyOfTree, requireProgram, run } from '../support/system/processes.ts'

/** Marks of examples that other tests run. */
const ownTests: readonly (string | undefined)[] = ['demo', 'all tests']

const canRun = (example: Example): boolean =>
  example.language === 'bash' &&
  !isDockers(example) &&
  !example.mark?.startsWith('not run') &&
  !ownTests.includes(example.mark)

/** A running service and a copy of the project; only URLs and paths of an example are replaced. */
async function stage(t: TestContext): Promise<{ folder: string; adapt: (code: string) => string }> {
  const simulator = await startSimulator(t)
  const service = await listen(t, { AZURE_BASE_URL: simulator.url, AZURE_API_KEY: 'simulated-key' })
  const folder = await copyOfTree(t)
  await run('git', ['init', '--quiet'], { cwd: folder })
  const image = join(folder, 'local-image.png')
  await sharp({ create: { width: 96, height: 64, channels: 3, background: 'teal' } }).toFile(image)
  return {
    folder,
    adapt: (code) =>
      code
        .replaceAll('http://localhost:8000', service.url)
        .replaceAll('/app/images', service.images)
        .replaceAll('/path/to/local/image.png', image),
  }
}

describe('every example of the documentation that needs no Docker', () => {
  before(async () => {
    for (const program of ['bash', 'curl', 'jq', 'openssl', 'git']) await requireProgram(program)
  })

  for (const document of documents) {
    const examples = examplesOf(document).filter(canRun)
    if (examples.length === 0) continue
    test(`in ${document} works as written`, async (t: TestContext) => {
      const { folder, adapt } = await stage(t)
      for (const { line, code } of examples) {
        const options = { cwd: folder, env: cleanEnvironment(), timeout: 300_000, maxBuffer: 64 * 1_048_576 }
        const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', adapt(code)], options).catch((error) => {
          throw new Error(`${document}:${line} failed: ${error.stderr}`, { cause: error })
        })
        t.assert.doesNotMatch(stdout.slice(0, 2_000), /"isError":true|"error":\{/, `${document}:${line}`)
        t.diagnostic(`${document}:${line} ${stdout.slice(0, 80).replaceAll('\n', ' ')}`)
      }
    })
  }

  for (const example of documents.flatMap(examplesOf).filter((one) => canRun(one) && /> \S+\.png/.test(one.code))) {
    const { document, line, code } = example
    test(`that writes an image, ${document}:${line}, fails loudly and writes none`, async (t: TestContext) => {
      const { folder, adapt } = await stage(t)
      const [, file = ''] = /> (\S+\.png)/.exec(code) ?? []
      const failing: readonly (readonly [why: string, code: string])[] = [
        ['the call fails', adapt(code).replace(/"prompt":"[^"]*"/, '"prompt":"fault:content-filter"')],
        ['nothing listens', code.replaceAll('localhost:8000', '127.0.0.1:9')],
      ]
      for (const [why, text] of failing) {
        const failed = await run('bash', ['-c', text], { cwd: folder, env: cleanEnvironment(), timeout: 300_000 }).then(
          () => t.assert.fail(`${document}:${line}: exit code 0 although ${why}`),
          (error: { stderr: string }) => error.stderr,
        )
        t.assert.match(failed, /content|connect/i)
        t.assert.ok(!existsSync(join(folder, file)), `${document}:${line} wrote ${file} although ${why}`)
      }
    })
  }

  test('is tested, and there are many', (t: TestContext) => {
    t.assert.ok(documents.flatMap(examplesOf).filter(canRun).length >= 20)
  })
})
