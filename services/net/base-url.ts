export interface AskedAddress {
  /** The scheme by which the client reached this service or its trusted proxy. */
  protocol: string
  /** Host and port that the client asked for, as its trusted proxy reports them. */
  forwardedHost: string
  /** The Host header, which has passed the host guard. */
  host: string | undefined
}

/**
 * Where a client reaches this service, without a slash at the end: `PUBLIC_URL` with its path, else the address that the
 * client asked for. A proxy may pass on any host that its client named, so that one is used only if it is allowed.
 */
export function baseUrlOf(
  { protocol, forwardedHost, host }: AskedAddress,
  { publicUrl, allowsHost }: { publicUrl: string | undefined; allowsHost: (host: string) => boolean },
): string | undefined {
  if (publicUrl !== undefined) return publicUrl
  const asked = allowsHost(forwardedHost) ? forwardedHost : host
  return asked === undefined ? undefined : `${protocol === 'https' ? 'https' : 'http'}://${asked}`
}
