import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setImmediate as tick } from 'node:timers/promises'
import type { Proof } from '../../scripts/prove.ts'
import { createImagesClient } from '../../services/azure/client.ts'
import type { ImagesClient } from '../../services/azure/types.ts'
import { createBufferSpool } from '../../services/bytes/spooled-buffer.ts'
import { isBilled, ServiceError } from '../../services/errors/errors.ts'
import { type Body, checkBodies, makeBody } from '../support/azure-bodies/check.ts'
import type { Action } from '../support/azure-bodies/oracle.ts'
import { callContext, deploymentOf, pixelPng } from '../support/fake-azure.ts'

/**
 * Every body of Azure's that contains an image returns it, and every error is classified, whatever is null, of a wrong
 * type, missing, added, in another order or cut anywhere: read by the service's reader, and for a part of them by its
 * client over a socket, where the number of requests shows what the service decides.
 */

const BODIES = 60_000
const OVER_SOCKETS = 2_000
const AT_ONCE = 40

/** Requests that each decision makes: two routes, three tries, and no other credential. */
const requestsOf: Readonly<Record<Action, number>> = {
  giveUp: 1,
  refreshCredential: 1,
  tryOtherRoute: 2,
  retry: 3,
  waitForQuota: 3,
}

export const prove: Proof = async ({ share, say }) => {
  const seed = Number(process.env.AZURE_BODIES_SEED ?? (share < 1 ? 1 : Math.floor(Math.random() * 2 ** 31)))
  say(`seed ${seed} (AZURE_BODIES_SEED repeats it)`)
  const startedAt = performance.now()
  const spool = createBufferSpool({ maxBytes: 100_000_000, spillFolders: [] })
  const counts = { images: 0, empty: 0, error: 0 }
  const read = await checkBodies(seed, Math.ceil(BODIES * share), spool, ({ kind }) => counts[kind]++)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  say(`read: ${counts.images} with images, ${counts.empty} successes without one, ${counts.error} errors, ${seconds} s`)
  if (read !== undefined) {
    say(read)
    return false
  }
  const problems = await overSockets(seed, Math.ceil(OVER_SOCKETS * share))
  say(
    `over sockets: ${Math.ceil(OVER_SOCKETS * share)}, ${((performance.now() - startedAt) / 1000).toFixed(1)} s in all`,
  )
  for (const problem of problems.slice(0, 5)) say(problem)
  return problems.length === 0
}

async function overSockets(seed: number, count: number): Promise<string[]> {
  const bodies = new Map<string, { made: Body; requests: number }>()
  const server = createServer((request, response) => {
    // The base URL has the number of the body as its path.
    const body = bodies.get(request.url?.split('/')[1] ?? '')
    if (body !== undefined) body.requests++
    request.resume().on('end', () => body && void respond(response, body.made))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const problems: string[] = []
  let next = 0
  async function work(): Promise<void> {
    for (let index = next++; index < count; index = next++) {
      const entry = { made: makeBody(seed, index), requests: 0 }
      bodies.set(String(index), entry)
      const problem = await callOnce(`http://127.0.0.1:${port}/${index}`, entry)
      bodies.delete(String(index))
      if (problem !== undefined) {
        problems.push(`body ${index} (${entry.made.body.name}): ${problem}\n${entry.made.body.text.slice(0, 1_000)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  server.closeAllConnections()
  server.close()
  return problems
}

async function respond(response: ServerResponse, { body }: Body): Promise<void> {
  const contentType = 'contentType' in body && body.contentType !== '' ? { 'content-type': body.contentType } : {}
  response.writeHead('status' in body ? body.status : 200, contentType)
  for (const chunk of body.chunks) {
    response.write(chunk)
    await tick()
  }
  response.end()
}

async function callOnce(url: string, entry: { made: Body; requests: number }): Promise<string | undefined> {
  // A client each, so that no call knows what another has found out about routes and quota.
  const client = createImagesClient({
    deployments: [deploymentOf(url, 'FLUX.1-Kontext-pro', { minuteMs: 100 })],
    connectTimeoutMs: 10_000,
    maxResponseBytes: 5_000_000,
    spool: createBufferSpool({ maxBytes: 10_000_000, spillFolders: [] }),
    streaming: 'never',
    imageHosts: [],
  })
  try {
    return await judge(client, entry)
  } finally {
    await client.close()
  }
}

async function judge(client: ImagesClient, entry: { made: Body; requests: number }): Promise<string | undefined> {
  const { made } = entry
  const expected = made.kind === 'images' ? made.body.images : []
  const image = { bytes: Buffer.from(pixelPng, 'base64'), mimeType: 'image/png', width: 1, height: 1 } as const
  const context = callContext({ deadlineAt: performance.now() + 60_000 })
  try {
    const { images } = await client.edit({ prompt: 'a boat at dawn', images: [image] }, context)
    const isSame = images.length === expected.length && entry.requests === 1
    for (const each of images) await each[Symbol.asyncDispose]()
    return isSame ? undefined : `${images.length} images instead of ${expected.length}, ${entry.requests} requests`
  } catch (error) {
    if (!(error instanceof ServiceError)) return `an internal error: ${String(error)}`
    if (expected.length > 0) return `${expected.length} images are lost: ${error.code}`
    if (made.kind === 'images') return entry.requests === 1 ? undefined : `${entry.requests} requests for a broken 200`
    const { action, codes, mayBeBilled } = made.body.verdict
    const requests = requestsOf[action]
    if (entry.requests !== requests) return `${entry.requests} requests instead of ${requests} (${error.code})`
    if (!codes.includes(error.code)) return `${error.code} instead of ${codes.join(' or ')}`
    const isSure = made.kind === 'error'
    return isSure && isBilled(error.code) !== mayBeBilled ? `${error.code} is wrong about the bill` : undefined
  }
}
