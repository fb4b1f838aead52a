import { type TestContext, test } from 'node:test'
import { runLibraryCommand } from '../../../services/library/maintenance/command.ts'

for (const args of [[], ['tidy'], ['verify', 'everything'], ['verify', '--quick']]) {
  test(`library ${args.join(' ')} shows the usage, without configuration`, async (t: TestContext) => {
    const lines: string[] = []
    const open = () => Promise.reject(new Error('no configuration'))
    t.assert.equal(await runLibraryCommand({ args, open, print: (line) => lines.push(line) }), 2)
    t.assert.match(lines.join('\n'), /^Usage: library /)
  })
}
