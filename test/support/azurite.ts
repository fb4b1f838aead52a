import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Agent, request } from 'undici'
import { freePorts } from './free-ports.ts'
import { waitFor } from './wait-for.ts'

/** The public account and key of every Azurite. https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
export const AZURITE_ACCOUNT = 'devstoreaccount1'
export const AZURITE_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

export interface Azurite extends AsyncDisposable {
  port: number
  /** `http://127.0.0.1:port/devstoreaccount1`, or https with a certificate. */
  url: string
  /** Creates an empty container. Returns its URL. */
  createContainer(name: string): Promise<string>
  pid: number
}

/** Files of a certificate and its key. */
export interface TlsFiles {
  cert: string
  key: string
}

/** A real Azurite on loopback, in memory. @param tls it serves https and accepts tokens */
export async function startAzurite(tls?: TlsFiles): Promise<Azurite> {
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js')
  const [port = 0] = await freePorts(1)
  const flags = ['--inMemoryPersistence', '--skipApiVersionCheck', '--disableTelemetry', '--silent']
  const oauth = tls === undefined ? [] : ['--oauth', 'basic', '--cert', tls.cert, '--key', tls.key]
  const place = ['--blobHost', '127.0.0.1', '--blobPort', String(port)]
  const server = spawn(process.execPath, ['--max-old-space-size=512', main, ...place, ...flags, ...oauth], {
    cwd: path.dirname(main),
    stdio: 'ignore',
  })
  const origin = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`
  const dispatcher = new Agent(tls === undefined ? {} : { connect: { ca: await readFile(tls.cert) } })
  await waitFor('Azurite', async () => {
    const { body } = await request(origin, { dispatcher })
    await body.dump()
    return true
  })
  return {
    port,
    url: `${origin}/${AZURITE_ACCOUNT}`,
    async createContainer(name) {
      const address = `${origin}/${AZURITE_ACCOUNT}/${name}?restype=container`
      const { statusCode, body } = await request(address, { method: 'PUT', headers: sign('PUT', name), dispatcher })
      const text = await body.text()
      if (statusCode !== 201) throw new Error(`no container: ${statusCode} ${text}`)
      return `${origin}/${AZURITE_ACCOUNT}/${name}`
    },
    pid: server.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await dispatcher.destroy()
      const exited = once(server, 'exit')
      server.kill('SIGKILL')
      if (server.exitCode === null && server.signalCode === null) await exited
    },
  }
}

/** Headers of a request without body. https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key */
function sign(method: string, container: string): Record<string, string> {
  const headers = { 'x-ms-date': new Date().toUTCString(), 'x-ms-version': '2025-11-05' }
  const canonical = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
  const resource = `/${AZURITE_ACCOUNT}/${AZURITE_ACCOUNT}/${container}\nrestype:container`
  const text = `${method}\n${'\n'.repeat(11)}${canonical.join('')}${resource}`
  const signature = createHmac('sha256', Buffer.from(AZURITE_KEY, 'base64')).update(text).digest('base64')
  return { ...headers, authorization: `SharedKey ${AZURITE_ACCOUNT}:${signature}` }
}
