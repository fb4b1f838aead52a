import { resolve } from 'node:path'
import { defaultToolNames, otherToolNames, studioToolNames } from '../../schemas/tools.ts'
import { nearestName } from '../errors/nearest-name.ts'
import { isStorageKey, parseContainerUrl } from './container-url.ts'
import { listOf, type Parser, parsed } from './parser.ts'

/** Where images are stored and found, and the tools for them. */
export function libraryOf(parser: Parser) {
  const { settings, secret } = parser
  const folder = resolve(settings.IMAGES_DIR)
  return {
    folder,
    abandonedResultTtlMs: settings.ABANDONED_RESULT_TTL_MS,
    isOn: settings.LIBRARY === 'on',
    isShared: settings.LIBRARY_SHARED,
    /** 0 sets no limit, here and in the next one. */
    ttlMs: settings.LIBRARY_TTL_MS,
    maxBytes: settings.LIBRARY_MAX_BYTES,
    waitMs: settings.LIBRARY_WAIT_MS,
    /** Of the databases of this process. */
    stateFolder: settings.STATE_DIR === undefined ? undefined : resolve(settings.STATE_DIR),
    /** Whether all replicas have the same `folder`. */
    isFolderShared: settings.IMAGES_SHARED,
    databaseUrl: secret('DATABASE_URL'),
    /** Undefined: the images are in `folder`. */
    storage: storageOf(parser),
    linkTtlMs: settings.LINK_TTL_MS,
    /** What of an image a result has by default. */
    delivery: settings.RESULT_DELIVERY,
    /** Whether there is a page that edits images. */
    hasStudio: settings.STUDIO === 'on',
    /** Names of tools; undefined: the default ones. */
    tools: toolsOf(parser),
  }
}

const toolNames: readonly string[] = ['default', ...defaultToolNames, ...studioToolNames, ...otherToolNames]

function toolsOf({ settings, report }: Parser): readonly string[] | undefined {
  if (settings.TOOLS === undefined) return undefined
  const names = listOf(settings.TOOLS)
  for (const name of names.filter((each) => !toolNames.includes(each))) {
    const nearest = nearestName(name, toolNames)
    const hint = nearest === undefined ? `the names are ${toolNames.join(', ')}` : `did you mean ${nearest}?`
    report('TOOLS', `has no tool ${name}; ${hint}`)
  }
  return names
}

function storageOf({ settings, secret, report }: Parser) {
  const { AZURE_STORAGE_URL: text, AZURE_STORAGE_KEY: keyText } = settings
  if (text === undefined) {
    if (keyText !== undefined) report('AZURE_STORAGE_URL', 'is required with AZURE_STORAGE_KEY')
    return undefined
  }
  const container = parsed('AZURE_STORAGE_URL', () => parseContainerUrl(text), report)
  if (keyText !== undefined && !isStorageKey(keyText)) {
    report('AZURE_STORAGE_KEY', 'is not the key of a storage account: it must be its 88 characters only')
  }
  if (container === undefined) return undefined
  const { url, account = '' } = container
  if (keyText !== undefined && account === '') {
    report(
      'AZURE_STORAGE_URL',
      'must have the host of the account itself (account.blob.core.windows.net) with AZURE_STORAGE_KEY',
    )
  }
  if (keyText === undefined && url.startsWith('http:')) {
    report('AZURE_STORAGE_KEY', 'is required with an http URL, because tokens of an identity are sent over https only')
  }
  return { url, account, key: secret('AZURE_STORAGE_KEY') }
}
