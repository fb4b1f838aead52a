import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { listen } from '../support/app.ts'
import { withConformanceFixtures } from '../support/conformance-catalog.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const suite = at('../../node_modules/@modelcontextprotocol/conformance/dist/index.js')

/** Runs the official suite; it exits with 1 for an unexpected failure, and for an expected one that passes. */
const rows = [
  { revision: '2025-11-25', selection: ['--requirements'], tasks: 0 },
  { revision: '2026-07-28', selection: ['--requirements'], tasks: 10 },
  // What the suite has for the revision to come, which changes with each of its releases.
  { revision: 'draft', selection: ['--suite', 'all', '--spec-version'], tasks: 0 },
] as const

for (const { revision, selection, tasks } of rows) {
  test(`meets the requirements of ${revision}`, async (t: TestContext) => {
    const { url } = await listen(t, {}, { extendCatalog: withConformanceFixtures })
    const { code, output } = await run(
      [
        'server',
        '--url',
        `${url}/mcp`,
        ...selection,
        revision,
        '--expected-failures',
        at(`expected-failures-${revision}.yaml`),
      ],
      await temporaryFolder(t),
    )
    t.assert.strictEqual(code, 0, output.slice(output.indexOf('=== SUMMARY')))
    t.assert.strictEqual(passedTasks(output), tasks)
    t.diagnostic(/Total: .*/.exec(output)?.[0] ?? 'no total')
  })
}

/** The scenarios of the Tasks extension that passed: the run itself does not count them. */
function passedTasks(output: string): number {
  return output.split('\n').filter((line) => line.startsWith('✓ tasks-')).length
}

function run(args: string[], cwd: string): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const options = { cwd, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 }
    const child = execFile(process.execPath, [suite, ...args], options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr })
    })
  })
}
