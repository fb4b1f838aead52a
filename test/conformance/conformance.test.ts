import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listen, temporaryFolder } from '../support/app.ts'
import { withConformanceFixtures } from '../support/conformance-catalog.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const suite = at('../../node_modules/@modelcontextprotocol/conformance/dist/index.js')

/** Runs the official suite; it exits with 1 for an unexpected failure, and for an expected one that passes. */
for (const revision of ['2025-11-25', '2026-07-28']) {
  test(`meets the frozen requirements of ${revision}`, async (t: TestContext) => {
    const { url } = await listen(t, {}, { extendCatalog: withConformanceFixtures })
    const { code, output } = await run(
      [
        'server',
        '--url',
        `${url}/mcp`,
        '--requirements',
        revision,
        '--expected-failures',
        at(`expected-failures-${revision}.yaml`),
      ],
      await temporaryFolder(t),
    )
    t.assert.strictEqual(code, 0, output.slice(output.indexOf('=== SUMMARY')))
    t.diagnostic(/Total: .*/.exec(output)?.[0] ?? 'no total')
  })
}

function run(args: string[], cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }
    const child = execFile(process.execPath, [suite, ...args], options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr })
    })
  })
}
