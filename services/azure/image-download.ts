import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { ReportedError, serviceError } from '../errors/errors.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'
import { isPublic } from '../net/ip-address.ts'

export interface ImageDownloadOptions extends HttpClientOptions {
  /** Hosts that may be asked, lower case; `*.example.com` stands for every name below example.com. */
  allowedHosts: readonly string[]
  /** Bytes of one image. */
  maxBytes: number
  /** Which resolved addresses may be connected to; public ones unless a test says otherwise. */
  isAddressAllowed?: (address: string) => boolean
}

/** Follows the links of responses that carry no bytes. */
export interface ImageDownload {
  /**
   * Gets one image: https on an allowed host, no redirect, no credential, bounded.
   *
   * @throws ServiceError IMG_ERR_AZURE_DOWNLOAD
   */
  get(link: string, deadlineAt: number): Promise<Buffer>
  close(): Promise<void>
}

export function createImageDownload(options: ImageDownloadOptions): ImageDownload {
  const isAllowed = options.isAddressAllowed ?? isPublic
  // Behind a proxy the name is resolved there, and the proxy's own rules are the guard.
  const connections = createHttpClient(options, { lookup: guardedLookup(isAllowed) })
  return {
    async get(link, deadlineAt) {
      try {
        const url = checkLink(link, options.allowedHosts, isAllowed)
        return await download(await connections.get(), url, options.maxBytes, deadlineAt)
      } catch (cause) {
        throw serviceError('IMG_ERR_AZURE_DOWNLOAD', [], { cause })
      }
    },
    close: connections.close,
  }
}

// Names and addresses in these sentences would be text of Azure's.
const NOT_PUBLIC = 'the link leads to an address that is not public'

function checkLink(link: string, hosts: readonly string[], isAllowed: (address: string) => boolean): URL {
  const url = new URL(link)
  if (url.protocol !== 'https:') throw new ReportedError('the link is not https')
  if (url.username !== '' || url.password !== '') throw new ReportedError('the link carries a credential')
  const host = url.hostname
  if (!hosts.some((pattern) => matchesHost(pattern, host))) {
    throw new ReportedError('the link leads to a host that AZURE_IMAGE_HOSTS does not list')
  }
  // A literal address is never looked up, so the guarded look-up would not see it.
  const literal = host.replace(/^\[|\]$/g, '')
  if (isIP(literal) !== 0 && !isAllowed(literal)) throw new ReportedError(NOT_PUBLIC)
  return url
}

function matchesHost(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** A name look-up that fails if any address is not allowed, so that what was checked is what is connected to. */
function guardedLookup(isAllowed: (address: string) => boolean) {
  return (hostname: string, options: { all?: boolean; family?: unknown }, callback: LookupCallback) => {
    lookup(hostname, { all: true }, (error, addresses) => {
      if (error) return callback(error, [])
      const [first] = addresses
      if (first === undefined || !addresses.every(({ address }) => isAllowed(address))) {
        return callback(new ReportedError(NOT_PUBLIC), [])
      }
      if (options.all === true) return callback(null, addresses)
      callback(null, first.address, first.family)
    })
  }
}

async function download(dispatcher: Dispatcher, url: URL, maxBytes: number, deadlineAt: number): Promise<Buffer> {
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(deadlineAt - performance.now())))
  const { statusCode, body } = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'GET',
    signal,
  })
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    // Leaving the loop destroys the body.
    if (statusCode !== 200) throw new ReportedError(`the host of the link answers ${statusCode}`)
    if (bytes > maxBytes) throw new ReportedError(`the image is larger than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  if (statusCode !== 200) throw new ReportedError(`the host of the link answers ${statusCode}`)
  return Buffer.concat(chunks)
}
