import type { TestContext } from 'node:test'
import { request } from 'undici'
import type { Environment } from '../../services/config/environment.ts'
import { startIssuer } from './oauth-issuer.ts'
import type { RpcResponse } from './service.ts'

/** One configuration, two clients of it, and what the second one may do with the images of the first. */
export interface CallerSetup {
  environment: Environment
  ann: Record<string, string>
  bob: Record<string, string>
  /** Whether he uses her images by id. */
  uses: boolean
  /** Whether he may list images at all. */
  lists: boolean
  /** Whether he finds hers in lists. */
  finds: boolean
  /** Whether he changes hers. */
  changes: boolean
}

const apart = { uses: false, lists: true, finds: false, changes: false }
const byIdOnly = { uses: true, lists: false, finds: false, changes: false }
const together = { uses: true, lists: true, finds: true, changes: false }

const keys = { MCP_API_KEYS: 'ann:key-of-ann,bob:key-of-bob' }
const withKey = (name: string) => ({ authorization: `Bearer key-of-${name}` })
const behindProxy = { TRUST_PROXY: '127.0.0.1,::1' }
const from = (address: string) => ({ 'x-forwarded-for': address })
/** The guide's container. */
const container = { MCP_SERVER_HOST: '0.0.0.0' }

/** Every configuration that decides who sees what. */
export const callerSetups: Readonly<Record<string, (t: TestContext) => Promise<CallerSetup>>> = {
  'two API keys': async () => ({ environment: keys, ann: withKey('ann'), bob: withKey('bob'), ...apart }),
  'two API keys on an open address': async () => ({
    environment: { ...keys, ...container },
    ann: withKey('ann'),
    bob: { 'x-api-key': 'key-of-bob' },
    ...apart,
  }),
  'two API keys and a shared library': async () => ({
    environment: { ...keys, LIBRARY_SHARED: 'true' },
    ann: withKey('ann'),
    bob: withKey('bob'),
    ...together,
  }),
  'two subjects of an issuer': async (t) => {
    const issuer = await startIssuer(t)
    const bearer = async (sub: string) => ({ authorization: `Bearer ${await issuer.token({ sub })}` })
    return { environment: issuer.environment, ann: await bearer('ann'), bob: await bearer('bob'), ...apart }
  },
  'a subject and a key of the same name': async (t) => {
    const issuer = await startIssuer(t)
    const ann = { authorization: `Bearer ${await issuer.token({ sub: 'ann' })}` }
    return {
      environment: { ...issuer.environment, MCP_API_KEYS: 'ann:key-of-ann' },
      ann,
      bob: withKey('ann'),
      ...apart,
    }
  },
  'no authentication on this machine': async () => ({
    environment: {},
    ann: {},
    bob: {},
    uses: true,
    lists: true,
    finds: true,
    changes: true,
  }),
  'no authentication on this machine, through a proxy': async () => ({
    environment: {},
    ann: {},
    bob: from('127.0.0.1'),
    ...byIdOnly,
  }),
  'no authentication on this machine, through a trusted proxy': async () => ({
    environment: behindProxy,
    ann: {},
    bob: from('127.0.0.1'),
    ...byIdOnly,
  }),
  "the guide's container": async () => ({ environment: container, ann: {}, bob: {}, ...byIdOnly }),
  "the guide's container behind a trusted proxy": async () => ({
    environment: { ...container, ...behindProxy },
    ann: from('203.0.113.1'),
    bob: from('203.0.113.2'),
    ...byIdOnly,
  }),
  'a shared library without authentication': async () => ({
    environment: { ...container, ...behindProxy, LIBRARY_SHARED: 'true' },
    ann: from('203.0.113.1'),
    bob: from('203.0.113.2'),
    ...together,
  }),
}

/** Sends one request of a client. */
export async function rpcAs(
  url: string,
  headers: Record<string, string>,
  method: string,
  params: object = {},
): Promise<RpcResponse & { result?: Record<string, unknown> }> {
  const response = await request(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  return Object(await response.body.json())
}
