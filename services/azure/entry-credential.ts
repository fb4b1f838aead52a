import type { DeploymentEntry } from '../../schemas/deployments.ts'
import { readKeyFile } from '../config/key-file.ts'
import { unreadableReason } from '../config/permission-flags.ts'
import { placeholderProblem } from '../config/placeholders.ts'
import { InvalidValueError } from '../errors/app-error.ts'
import { isLocal } from '../net/ip-address.ts'
import { isAzureHost } from './azure-hosts.ts'
import { type Credential, keyCredential, keyFileCredential, tokenCredential } from './credential.ts'
import { createFileBounds, OutOfBoundsError } from './file-bounds.ts'
import { loadDefaultTokenSource } from './token-source.ts'

/** The variables of credentials. */
export interface CredentialSettings {
  AZURE_BASE_URL?: string | undefined
  AZURE_API_KEY?: string | undefined
  /** Where `AZURE_API_KEY` was read from, if it came from a file. */
  AZURE_API_KEY_FILE?: string | undefined
  AZURE_AUTH?: 'key' | 'entra' | undefined
  AZURE_DEPLOYMENTS_FILE?: string | undefined
}

/** Whether a key is valid in a header. Keys copied with typographic quotes are not. */
export function isSendable(key: string): boolean {
  return /^[\x20-\x7e]+$/.test(key) && key.trim() !== ''
}

export const unsendable = 'is not a key: it must be one line of ASCII characters'

/**
 * The credential of one entry. A deployments file may come from a third party, so the key and the identity of the
 * environment are sent to `AZURE_BASE_URL` only: an entry on another host needs its own key, or `auth: "entra"` and one of
 * Azure's hosts.
 *
 * @param complain receives every problem
 */
export function credentialOf(
  entry: DeploymentEntry,
  settings: CredentialSettings,
  complain: (problem: string) => void,
): Credential {
  const { name, key, key_file: keyFile } = entry
  if (key !== undefined && keyFile !== undefined) complain(`"${name}" has a key and a key_file; remove one`)
  if (key !== undefined && !isSendable(key)) complain(`the key of "${name}" ${unsendable}`)
  const placeholder = key === undefined ? undefined : placeholderProblem(key)
  if (placeholder !== undefined) complain(`the key of "${name}" ${placeholder}`)
  const isOwnHost = usesOwnHost(entry, settings)
  if (key !== undefined) return keyCredential(key)
  if (keyFile !== undefined) return readOwnKey(name, keyFile, settings, complain)
  if (entry.auth === 'entra') {
    if (!isOwnHost && !acceptsTokens(entry.base_url)) {
      complain(
        `"${name}" asks for tokens (auth "entra"), which go to AZURE_BASE_URL, to https hosts of Azure's AI services and to this machine only; give it a key`,
      )
    }
    return tokenCredential(loadDefaultTokenSource)
  }
  if (!isOwnHost) {
    const why = settings.AZURE_BASE_URL === undefined ? 'while that is not set' : 'which is another host'
    complain(
      `"${name}" needs a key, a key_file or auth "entra" of its own for its base_url: the credential of the environment goes to AZURE_BASE_URL only, ${why}`,
    )
  }
  return sharedCredential(name, entry.auth ?? settings.AZURE_AUTH, settings, complain)
}

function sharedCredential(
  name: string,
  auth: 'key' | 'entra' | undefined,
  settings: CredentialSettings,
  complain: (problem: string) => void,
): Credential {
  if (auth === 'entra') return tokenCredential(loadDefaultTokenSource)
  const { AZURE_API_KEY: key, AZURE_API_KEY_FILE: path } = settings
  if (key === undefined && settings.AZURE_DEPLOYMENTS_FILE !== undefined) {
    complain(`"${name}" has no key, no key_file and no auth, and AZURE_API_KEY is not set`)
  }
  return path === undefined ? keyCredential(key ?? '') : keyFileCredential(path, key ?? '')
}

/** Whether an entry uses the host for which the environment's credential is meant. */
function usesOwnHost({ base_url: own }: DeploymentEntry, { AZURE_BASE_URL: home }: CredentialSettings): boolean {
  if (own === undefined) return true
  // An invalid URL is reported as such elsewhere.
  if (!URL.canParse(own) || (home !== undefined && !URL.canParse(home))) return true
  return home !== undefined && new URL(own).origin === new URL(home).origin
}

function acceptsTokens(address: string | undefined): boolean {
  if (address === undefined || !URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  if (isLocal(hostname)) return true
  return protocol === 'https:' && isAzureHost(hostname)
}

function readOwnKey(
  name: string,
  path: string,
  { AZURE_DEPLOYMENTS_FILE: file = '' }: CredentialSettings,
  complain: (problem: string) => void,
): Credential {
  const { locate } = createFileBounds(file)
  try {
    // Resolved again for every read, since a link may be changed while the service runs.
    return keyFileCredential(path, readKeyFile(locate(path)), locate)
  } catch (error) {
    complain(`the key_file of "${name}" ${keyFileProblem(error)} (${path})`)
    return keyCredential('')
  }
}

function keyFileProblem(error: unknown): string {
  if (error instanceof OutOfBoundsError) {
    return 'must be below the folder of the deployments file, /run/secrets or /var/run/secrets, after resolving links'
  }
  return error instanceof InvalidValueError ? error.message : `cannot be read: ${unreadableReason(error)}`
}
