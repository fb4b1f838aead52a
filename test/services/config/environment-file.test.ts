import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { EnvironmentFileError, readEnvironmentFile } from '../../../services/config/environment-file.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const lines = 'AZURE_API_KEY=k1\r\nexport AZURE_MODEL="gpt-image-2"  \r\n# A_COMMENT=x\r\n'

describe('a file of variables', () => {
  for (const [name, bytes] of [
    ['UTF-8', Buffer.from(lines)],
    ['UTF-8 with a byte order mark', Buffer.from(`\uFEFF${lines}`)],
    ['UTF-16, as shells of Windows write it', Buffer.from(`\uFEFF${lines}`, 'utf16le')],
  ] as const) {
    test(`is read with its line breaks, blanks and exports: ${name}`, async (t: TestContext) => {
      const file = join(await temporaryFolder(t), 'variables')
      await writeFile(file, bytes)
      t.assert.deepEqual({ ...readEnvironmentFile(file) }, { AZURE_API_KEY: 'k1', AZURE_MODEL: 'gpt-image-2' })
    })
  }

  test('that cannot be read is one sentence', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    for (const [file, reason] of [
      [folder, 'EISDIR'],
      [join(folder, 'absent'), 'ENOENT'],
    ] as const) {
      t.assert.throws(
        () => readEnvironmentFile(file),
        (error: Error) => {
          t.assert.ok(error instanceof EnvironmentFileError)
          t.assert.equal(error.message, `--env-file: ${file} cannot be read (${reason}).`)
          return true
        },
      )
    }
  })
})
