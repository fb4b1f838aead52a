import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { AccessError } from './access-error.ts'
import { isAccessToken } from './token-type.ts'

/** Characters; Entra's largest tokens have about 4 KB, and Node limits all headers to 16 KB. */
const MAX_TOKEN_LENGTH = 16_384
const MAX_SUBJECT_LENGTH = 256
/** Seconds by which the clocks of issuer and service may differ. */
const CLOCK_TOLERANCE_S = 30

/** Public-key signatures only: with a shared secret, everyone who has this configuration could create tokens. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

export interface TokenVerifierOptions {
  issuer: string
  /** One of them must be in the token's `aud`. */
  audiences: readonly string[]
  /** Addresses of this service: names of scopes may begin with them or with an audience. */
  resources: readonly string[]
  /** All of them must be granted. */
  requiredScopes: readonly string[]
  findKey: JWTVerifyGetKey
  /** The wall clock. */
  now?: () => Date
}

export interface TokenSubject {
  issuer: string
  subject: string
}

/**
 * Verifies access tokens by RFC 9068: signature, issuer, audience, times, type, scopes.
 * @returns a function that throws AccessError: 401 for an invalid token, 403 for a valid one without the scopes
 */
export function createTokenVerifier(options: TokenVerifierOptions): (token: string) => Promise<TokenSubject> {
  const { issuer, audiences, resources, requiredScopes, findKey, now = () => new Date() } = options

  return async function verify(token) {
    if (token.length > MAX_TOKEN_LENGTH) throw invalid('The access token is too long.')
    const { payload, protectedHeader } = await checkSignature(token)
    if (!isAccessToken(protectedHeader.typ, payload)) {
      throw invalid('The token is no access token: send one that was issued for this service.')
    }
    const subject = payload.sub ?? payload.azp ?? payload.client_id
    if (typeof subject !== 'string' || !isSubject(subject)) {
      throw invalid('The access token names no subject.')
    }
    const granted = readScopes(payload)
    const ours = [...audiences, ...resources]
    if (!requiredScopes.every((scope) => isGranted(scope, granted, ours))) {
      throw new AccessError(403, `The access token lacks a scope: ${requiredScopes.join(' ')} is required.`, {
        reason: 'insufficient_scope',
      })
    }
    return { issuer, subject }
  }

  async function checkSignature(token: string) {
    try {
      return await jwtVerify(token, findKey, {
        issuer,
        audience: [...audiences],
        algorithms: ALGORITHMS,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_S,
        currentDate: now(),
      })
    } catch (error) {
      if (error instanceof AccessError) throw error
      throw invalid(sentenceFor(error), error)
    }
  }
}

/** Half a surrogate pair would make two subjects the same in a hash. */
function isSubject(text: string): boolean {
  return text !== '' && text.length <= MAX_SUBJECT_LENGTH && text.isWellFormed()
}

function invalid(message: string, cause?: unknown): AccessError {
  return new AccessError(401, message, { reason: 'invalid_token', cause })
}

function sentenceFor(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'The access token has expired.'
  if (error instanceof errors.JWTClaimValidationFailed) {
    // jose names the claim that it checked, never text of the token.
    return `The access token is not for this service, or not valid now (claim "${error.claim}").`
  }
  return 'The access token is not valid.'
}

/**
 * `scp` and `roles` are Entra's, for users and for applications; `scope` is RFC 9068's, separated by spaces; some issuers send a list.
 * https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
 */
function readScopes({ scp, scope, roles }: JWTPayload): Set<string> {
  return new Set(
    [scp, scope, roles].flatMap((claim) => {
      if (typeof claim === 'string') return claim.split(' ')
      return Array.isArray(claim) ? claim.filter((entry) => typeof entry === 'string') : []
    }),
  )
}

/**
 * Clients request `<Application ID URI>/<scope>` from Entra, which grants `<scope>`. The URI is `api://<client ID>`, or the address of
 * this service, while the audience is the client ID in both cases.
 * https://learn.microsoft.com/entra/agent-id/secure-mcp-server-with-entra-id
 */
function isGranted(required: string, granted: ReadonlySet<string>, ours: readonly string[]): boolean {
  const slash = required.lastIndexOf('/')
  const resource = required.slice(0, Math.max(slash, 0))
  const isOurs = ours.some((name) => resource === name || resource === `api://${name}`)
  return granted.has(required) || (isOurs && granted.has(required.slice(slash + 1)))
}
