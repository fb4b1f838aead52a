import { mkdir, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { buildApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const day = (time: number) => {
  const date = new Date(time)
  const two = (part: number) => String(part).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

describe('log files', () => {
  test('contain the same lines as stdout', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    const { app, logs } = await buildApp(t, { LOG_DIR: folder, LOG_LEVEL: 'debug' })
    await app.inject('/health')
    await app.close()
    const [file = ''] = await readdir(folder)
    t.assert.match(file, /^azure-image-editor\.\d{4}-\d\d-\d\d\.1\.log$/)
    t.assert.match(logs.text, /request completed/)
    t.assert.equal((await readFile(join(folder, file), 'utf8')).trim(), logs.text)
  })

  test('that cannot be opened cause a warning, and the service starts', async (t: TestContext) => {
    const folder = await temporaryFolder(t)
    // A folder with the name of the file stops root too; also tomorrow's, in case the test runs at midnight.
    for (const time of [Date.now(), Date.now() + 86_400_000]) {
      await mkdir(join(folder, `azure-image-editor.${day(time)}.1.log`))
    }
    const { app, logs } = await buildApp(t, { LOG_DIR: folder })
    const warnings = logs.entries.filter(({ level }) => level === 40)
    t.assert.deepEqual(
      warnings.map(({ LOG_DIR }) => LOG_DIR),
      [folder],
    )
    t.assert.match(String(warnings[0]?.msg), /^log folder is not writable.*sudo chown 1000:1000 images logs$/)
    t.assert.equal((await app.inject('/health')).statusCode, 200)
  })
})
