import { once } from 'node:events'
import type { AddressInfo, Server } from 'node:net'
import { AppError } from '../errors/app-error.ts'
import { codeOf } from '../errors/error-code.ts'

/** What `localhost` may be resolved to; clients try one of them or both. */
export const LOOPBACKS = ['127.0.0.1', '::1'] as const

/** Another program listens at the port that a variable names. */
export class PortInUseError extends AppError {
  override name = 'PortInUseError'
  readonly variable: string

  constructor(variable: string, cause: unknown) {
    super(`${variable} is in use`, { cause })
    this.variable = variable
  }
}

/** Errors of an address that this machine does not have, such as any IPv6 address. */
const NO_ADDRESS: ReadonlySet<string> = new Set(['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'])

/**
 * Listens at an address and port; 0 picks a free one.
 * @param variable which names the port
 * @returns the URL, or undefined if the machine does not have this address
 * @throws PortInUseError
 */
export async function listenAt(
  server: Server,
  { host, port, variable }: { host: string; port: number; variable: string },
): Promise<string | undefined> {
  try {
    server.listen({ host, port })
    await once(server, 'listening')
  } catch (error) {
    const code = codeOf(error)
    if (NO_ADDRESS.has(code)) return undefined
    throw code === 'EADDRINUSE' ? new PortInUseError(variable, error) : error
  }
  return `http://${host.includes(':') ? `[${host}]` : host}:${portOf(server)}`
}

/** The port of a server that listens. */
export function portOf(server: Server): number {
  const address: AddressInfo | string | null = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}
