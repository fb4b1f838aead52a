import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { minimalEnvironment } from '../support/app.ts'
import { containerFlags } from '../support/container-flags.ts'
import { callTool, startContained } from '../support/service.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const bin = join(import.meta.dirname, '../../bin/azure-image-editor-mcp.js')

/** `receipts …` with the flags of the container, beside the running service; `head` reads a line and ends. */
async function receipts(images: string, args: readonly string[], isCut = false) {
  const environment = { PATH: process.env.PATH, ...minimalEnvironment, IMAGES_DIR: images }
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>()
  const command = [process.execPath, ...containerFlags({ images }), bin, 'receipts', ...args]
  const options = { env: environment, cwd: images, timeout: 60_000 }
  const shell = ['-c', `"$@"${isCut ? ' | head -n 1' : ''}`, 'sh', ...command]
  execFile('sh', shell, options, (error, stdout, stderr) => resolve({ code: Number(error?.code ?? 0), stdout, stderr }))
  return await promise
}

test('receipts are read beside the service, under the flags of the container', async (t: TestContext) => {
  const { url, images } = await startContained(t)
  for (let at = 0; at < 3; at++) await callTool(url, 'generate_image', { prompt: `fox ${at}` })
  const all = await receipts(images, ['--since', '1h', '--format', 'jsonl'])
  t.assert.equal(all.code, 0)
  const lines = all.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.assert.deepEqual(
    lines.map(({ outcome }) => outcome),
    ['ok', 'ok', 'ok'],
  )
  const cut = await receipts(images, ['--since', '1h'], true)
  t.assert.match(cut.stdout, /^time,receipt,/)
  t.assert.equal(cut.stderr, '')
  t.assert.equal((await receipts(images, ['--until', '1h'])).code, 2)
})

test('a folder without a service has no receipts, and gets no database', async (t: TestContext) => {
  const folder = await temporaryFolder(t)
  for (let attempt = 0; attempt < 2; attempt++) {
    const { code, stderr } = await receipts(folder, ['--since', '1h'])
    t.assert.equal(code, 1)
    t.assert.match(stderr, /^There are no receipts/)
  }
})
