import type { DeploymentEntry } from '../../schemas/deployments.ts'
import { isLocal } from '../net/ip-address.ts'
import {
  type Credential,
  keyCredential,
  keyFileCredential,
  loadDefaultTokenSource,
  tokenCredential,
} from './credential.ts'
import { createFileBounds, OutOfBoundsError, readKeyFile } from './file-bounds.ts'

/** The variables that say who we are, and to whom. */
export interface CredentialSettings {
  AZURE_BASE_URL?: string | undefined
  AZURE_API_KEY?: string | undefined
  /** Where `AZURE_API_KEY` was read from, if it came from a file. */
  AZURE_API_KEY_FILE?: string | undefined
  AZURE_AUTH?: 'key' | 'entra' | undefined
  AZURE_DEPLOYMENTS_FILE?: string | undefined
}

/** Whether a header can carry a key. One that was copied with typographic quotes cannot be sent. */
export function isSendable(key: string): boolean {
  return /^[\x20-\x7e]+$/.test(key) && key.trim() !== ''
}

export const unsendable = 'is no key: it must be one line of ASCII characters'

/**
 * Hosts of Azure's AI services, in the public cloud, for the US government and in China. Names under which Azure lets
 * everybody run programs of their own, such as `cloudapp.azure.com` and `azure-api.net`, are not among them.
 * https://learn.microsoft.com/en-us/azure/ai-services/cognitive-services-virtual-networks,
 * https://learn.microsoft.com/en-us/azure/azure-government/compare-azure-government-global-azure
 */
const azureHosts = [
  'openai.azure.com',
  'services.ai.azure.com',
  'cognitiveservices.azure.com',
  'api.cognitive.microsoft.com',
  'openai.azure.us',
  'services.ai.azure.us',
  'cognitiveservices.azure.us',
  'api.cognitive.microsoft.us',
  'openai.azure.cn',
  'services.ai.azure.cn',
  'cognitiveservices.azure.cn',
  'api.cognitive.azure.cn',
]

/**
 * The credential of one entry. A deployments file may be somebody else's, so that the key and the identity of the
 * environment go to `AZURE_BASE_URL` and nowhere else: an entry on another host brings a key of its own, or asks for
 * tokens and is one of Azure's own hosts.
 *
 * @param complain is told everything that is wrong
 */
export function credentialOf(
  entry: DeploymentEntry,
  settings: CredentialSettings,
  complain: (problem: string) => void,
): Credential {
  const { name, key, key_file: keyFile } = entry
  if (key !== undefined && keyFile !== undefined) complain(`"${name}" has a key and a key_file; remove one`)
  if (key !== undefined && !isSendable(key)) complain(`the key of "${name}" ${unsendable}`)
  const isTrusted = isAtHome(entry, settings)
  if (key !== undefined) return keyCredential(key)
  if (keyFile !== undefined) return readOwnKey(name, keyFile, settings, complain)
  if (entry.auth === 'entra') {
    if (!isTrusted && !takesTokens(entry.base_url)) {
      complain(
        `"${name}" asks for tokens (auth "entra"), which go to AZURE_BASE_URL, to https hosts of Azure's AI services and to this machine only; give it a key`,
      )
    }
    return tokenCredential(loadDefaultTokenSource)
  }
  if (!isTrusted) {
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

/** Whether an entry is reached where the environment says that its credential belongs. */
function isAtHome({ base_url: own }: DeploymentEntry, { AZURE_BASE_URL: home }: CredentialSettings): boolean {
  if (own === undefined) return true
  // What is no URL is reported for what it is.
  if (!URL.canParse(own) || (home !== undefined && !URL.canParse(home))) return true
  return home !== undefined && new URL(own).origin === new URL(home).origin
}

function takesTokens(address: string | undefined): boolean {
  if (address === undefined || !URL.canParse(address)) return false
  const { protocol, hostname } = new URL(address)
  if (isLocal(hostname)) return true
  return protocol === 'https:' && azureHosts.some((host) => hostname.endsWith(`.${host}`))
}

function readOwnKey(
  name: string,
  path: string,
  { AZURE_DEPLOYMENTS_FILE: file = '' }: CredentialSettings,
  complain: (problem: string) => void,
): Credential {
  const { locate } = createFileBounds(file)
  try {
    // Followed anew each time: a link may be turned elsewhere under a running service.
    return keyFileCredential(path, readKeyFile(locate(path)), locate)
  } catch (error) {
    complain(`the key_file of "${name}" ${keyFileProblem(error)} (${path})`)
    return keyCredential('')
  }
}

function keyFileProblem(error: unknown): string {
  if (error instanceof OutOfBoundsError) {
    return 'must lie below the folder of the deployments file, /run/secrets or /var/run/secrets, links followed'
  }
  return error instanceof RangeError ? error.message : 'cannot be read'
}
