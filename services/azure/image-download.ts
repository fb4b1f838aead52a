import { type LookupAddress, lookup } from 'node:dns'
import { isIP } from 'node:net'
import type { Dispatcher } from 'undici'
import { type Base64Image, bufferImage } from '../bytes/base64-image.ts'
import type { BufferSpool } from '../bytes/spooled-buffer.ts'
import { ReportedError } from '../errors/app-error.ts'
import { serviceError } from '../errors/errors.ts'
import { createCredentialsScanner } from '../imaging/content-credentials.ts'
import { sniffFacts } from '../imaging/image-probe.ts'
import { createHttpClient, type HttpClientOptions } from '../net/http-client.ts'
import { isPublic } from '../net/ip-address.ts'

export interface ImageDownloadOptions extends HttpClientOptions {
  /** Allowed hosts in lower case; `*.example.com` allows every name below example.com. */
  allowedHosts: readonly string[]
  /** Buffers the images. */
  spool: BufferSpool
  /** Which resolved addresses are allowed; public ones by default, others in tests. */
  isAddressAllowed?: (address: string) => boolean
}

/** Downloads images from links in responses. */
export interface ImageDownload {
  /**
   * Downloads one image: https only, from an allowed host, without redirects or credentials. It is encoded while it
   * arrives, so that it counts by the bound on buffered images from its first byte.
   *
   * @param maxBytes of its base64 text
   * @throws ServiceError IMG_ERR_AZURE_DOWNLOAD
   */
  get(link: string, maxBytes: number, deadlineAt: number): Promise<Base64Image>
  close(): Promise<void>
}

export function createImageDownload(options: ImageDownloadOptions): ImageDownload {
  const isAllowed = options.isAddressAllowed ?? isPublic
  // A proxy resolves names itself, so there its own rules protect internal hosts.
  const connections = createHttpClient(options, { lookup: guardedLookup(isAllowed) })
  return {
    async get(link, maxBytes, deadlineAt) {
      try {
        const url = checkLink(link, options.allowedHosts, isAllowed)
        const chunks = download(await connections.get(), url, Math.floor((maxBytes / 4) * 3), deadlineAt)
        return await bufferImage(chunks, sniffFacts, options.spool, createCredentialsScanner())
      } catch (cause) {
        throw serviceError('IMG_ERR_AZURE_DOWNLOAD', [], { cause })
      }
    },
    close: connections.close,
  }
}

// Logged, so these messages must not contain hosts or addresses, which are Azure's text.
const NOT_PUBLIC = 'the link resolves to an address that is not public'

function checkLink(link: string, hosts: readonly string[], isAllowed: (address: string) => boolean): URL {
  const url = new URL(link)
  if (url.protocol !== 'https:') throw new ReportedError('the link is not https')
  if (url.username !== '' || url.password !== '') throw new ReportedError('the link contains a credential')
  const host = url.hostname
  if (!hosts.some((pattern) => matchesHost(pattern, host))) {
    throw new ReportedError('the host of the link is not listed in AZURE_IMAGE_HOSTS')
  }
  // An address literal needs no lookup, so the guarded lookup would not check it.
  const literal = host.replace(/^\[|\]$/g, '')
  if (isIP(literal) !== 0 && !isAllowed(literal)) throw new ReportedError(NOT_PUBLIC)
  return url
}

function matchesHost(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern
}

type LookupCallback = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void

/** A lookup that fails if any address is not allowed, so that no unchecked address is connected to (DNS rebinding). */
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

async function* download(
  dispatcher: Dispatcher,
  url: URL,
  maxBytes: number,
  deadlineAt: number,
): AsyncGenerator<Buffer> {
  const signal = AbortSignal.timeout(Math.max(0, Math.ceil(deadlineAt - performance.now())))
  const { statusCode, body } = await dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method: 'GET',
    signal,
  })
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    // Throwing ends the iteration, which destroys the body.
    if (statusCode !== 200) throw new ReportedError(`the host of the link returned status ${statusCode}`)
    if (bytes > maxBytes) throw new ReportedError(`the image is larger than ${maxBytes} bytes`)
    yield chunk
  }
  if (statusCode !== 200) throw new ReportedError(`the host of the link returned status ${statusCode}`)
}
