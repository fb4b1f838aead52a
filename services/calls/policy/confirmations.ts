import { createHmac, randomBytes } from 'node:crypto'
import { isSameSecret } from '../../auth/api-keys.ts'
import { hasChanged, type Migrations, type StateDatabase } from '../../databases/state-database.ts'
import { ALPHABET } from '../../library/image-id.ts'

/** Codes that were used; times in milliseconds since 1970. */
export const confirmationTables: Migrations = {
  name: 'confirmations',
  steps: [
    `CREATE TABLE state.confirmations (
      code TEXT PRIMARY KEY,
      used_at BIGINT NOT NULL
    );
    CREATE INDEX confirmations_by_use ON state.confirmations (used_at);`,
  ],
}

/** What a caller confirms. */
export interface ConfirmedCall {
  /** Id of the caller. */
  caller: string
  tool: string
  /** Of the arguments that decide content and price. */
  digest: string
  deployment: string
  /** List price in US dollars; undefined: unknown. */
  usd: number | undefined
}

/**
 * Codes by which callers confirm a price. A code says nothing itself: it is valid for one call of one caller at one price, for
 * ten minutes, and once. No replica has to remember those that were told.
 */
export interface Confirmations {
  issue(call: ConfirmedCall): string
  /** Whether the code was issued for this call and is still valid. */
  check(code: string, call: ConfirmedCall): boolean
  /** Marks a code as used. `false`: it was used before. @throws DatabaseUnavailableError */
  use(code: string): Promise<boolean>
  /** Takes the mark back: nothing was sent. @throws DatabaseUnavailableError */
  release(code: string): Promise<void>
}

export interface ConfirmationsOptions {
  /** 32 bytes. */
  key: Buffer
  database: Pick<StateDatabase, 'run'>
  now?: () => number
}

const PREFIX = 'c_'
/** So that the same call can be confirmed again. */
const NONCE_CHARACTERS = 4
/** 40 bits: each guess is a call of the caller. */
const MAC_CHARACTERS = 8
/** Minutes for which a code is valid, to within one window. */
export const CONFIRMATION_MINUTES = 10
const WINDOW_MS = 10_000
const WINDOWS = (CONFIRMATION_MINUTES * 60_000) / WINDOW_MS

export function createConfirmations({ key, database, now = Date.now }: ConfirmationsOptions): Confirmations {
  const windowAt = () => Math.floor(now() / WINDOW_MS)

  function codeOf({ caller, tool, digest, deployment, usd }: ConfirmedCall, nonce: string, window: number): string {
    const price = usd === undefined ? null : usd.toFixed(6)
    const mac = createHmac('sha256', key).update(
      JSON.stringify([caller, tool, digest, deployment, price, window, nonce]),
    )
    return `${PREFIX}${nonce}${toText(mac.digest(), MAC_CHARACTERS)}`
  }

  return {
    issue: (call) => codeOf(call, toText(randomBytes(NONCE_CHARACTERS), NONCE_CHARACTERS), windowAt()),
    check(code, call) {
      const nonce = code.slice(PREFIX.length, PREFIX.length + NONCE_CHARACTERS)
      const window = windowAt()
      const windows = Array.from({ length: WINDOWS }, (_, age) => window - age)
      return windows.some((each) => isSameSecret(codeOf(call, nonce, each), code))
    },
    async use(code) {
      await database.run('DELETE FROM state.confirmations WHERE used_at < $1', [now() - 2 * WINDOWS * WINDOW_MS])
      return await hasChanged(
        database.run,
        'INSERT INTO state.confirmations (code, used_at) VALUES ($1, $2) ON CONFLICT (code) DO NOTHING RETURNING code',
        [code, now()],
      )
    },
    async release(code) {
      await database.run('DELETE FROM state.confirmations WHERE code = $1', [code])
    },
  }
}

const toText = (bytes: Buffer, length: number) =>
  Array.from(bytes.subarray(0, length), (byte) => ALPHABET.charAt(byte & 31)).join('')
