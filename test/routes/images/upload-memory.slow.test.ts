import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { type TestContext, test } from 'node:test'
import { noisePng } from '../../support/images/images.ts'
import { startProcess } from '../../support/process.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const MIB = 1_048_576
const BYTES = 20 * MIB
const CALLERS = ['ann', 'bob', 'cleo']
const UPLOADS_OF_EACH = 10
const keyOf = (name: string) => `a-key-of-${name}-0123456789`

/** An image with bytes behind its end, as photos have. */
function* largeImage(): Generator<Buffer> {
  const image = noisePng(8)
  yield image
  const filler = Buffer.alloc(65_536, 7)
  let left = BYTES - image.length
  for (; left > filler.length; left -= filler.length) yield filler
  yield filler.subarray(0, left)
}

async function requestAddress(url: string, caller: string): Promise<string> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${keyOf(caller)}` },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'request_upload' } }),
  })
  return /Upload address: (\S+?)\\n/.exec(await response.text())?.[1] ?? ''
}

async function upload(address: string): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>()
  const sending = request(address, { method: 'PUT', headers: { 'content-length': BYTES } }, (response) => {
    response.resume().on('end', () => resolve(response.statusCode))
  })
  sending.on('error', reject)
  await pipeline(Readable.from(largeImage()), sending)
  return await promise
}

/** Resident memory of a process in MiB. */
const residentOf = (pid: number | undefined) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024

test('uploads of 20 MiB need less than 2 MiB each, however many run at once', async (t: TestContext) => {
  const { url, child } = await startProcess(t, {
    IMAGES_DIR: await temporaryFolder(t),
    MCP_API_KEYS: CALLERS.map((name) => `${name}:${keyOf(name)}`).join(),
    LOG_LEVEL: 'info',
  })
  // What is compiled and loaded at first use.
  t.assert.equal(await upload(await requestAddress(url, 'ann')), 201)
  const addresses: string[] = []
  for (const caller of CALLERS) {
    for (let count = 0; count < UPLOADS_OF_EACH; count++) addresses.push(await requestAddress(url, caller))
  }
  const idle = residentOf(child.pid)
  let most = idle
  const watch = setInterval(() => (most = Math.max(most, residentOf(child.pid))), 5)
  const statuses = await Promise.all(addresses.map(upload))
  clearInterval(watch)
  t.assert.deepEqual(new Set(statuses), new Set([201]))
  t.diagnostic(`${addresses.length} uploads: ${(most - idle).toFixed(1)} MiB above idle`)
  t.assert.ok(most - idle < 2 * addresses.length, `${most - idle} MiB`)
})
