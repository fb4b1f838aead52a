import { InvalidValueError } from '../errors/app-error.ts'
import { isLocal } from '../net/ip-address.ts'

/** A container of Azure Blob Storage. */
export interface ContainerAddress {
  /** Without a slash at its end. */
  url: string
  /** The storage account; undefined if the host does not tell, as an own domain does not. */
  account: string | undefined
}

/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const CONTAINER_NAME = /^[a-z0-9](?:-?[a-z0-9]){2,62}$/

/**
 * Reads the URL of a container: `https://account.blob.core.windows.net/container`, or on this machine, where an emulator is,
 * `http://127.0.0.1:10000/account/container`.
 * @throws InvalidValueError with what is wrong with the variable
 */
export function parseContainerUrl(text: string): ContainerAddress {
  if (!URL.canParse(text)) throw new InvalidValueError('is not a URL')
  const { protocol, hostname, origin, pathname, search, hash, username } = new URL(text)
  if (search !== '' || hash !== '' || username !== '') {
    throw new InvalidValueError('must be the URL of the container without a query: a SAS is not supported')
  }
  const isHere = isLocal(hostname)
  if (protocol !== 'https:' && !isHere)
    throw new InvalidValueError('must be an https URL (http is for this machine only)')
  const names = pathname.split('/').filter((name) => name !== '')
  const account = isHere ? names.shift() : accountOf(hostname)
  const [container] = names
  if (container === undefined) throw new InvalidValueError('names no container: add it to the path')
  if (names.length > 1) throw new InvalidValueError('must end with the name of the container')
  if (container.length > 63 || !CONTAINER_NAME.test(container)) {
    throw new InvalidValueError(
      'has no valid name of a container: 3 to 63 lower-case letters, digits and single dashes',
    )
  }
  return { url: isHere ? `${origin}/${account}/${container}` : `${origin}/${container}`, account }
}

/** `account.blob.core.windows.net`, in other clouds and DNS zones alike. */
function accountOf(hostname: string): string | undefined {
  const [account, ...rest] = hostname.split('.')
  return rest.includes('blob') ? account : undefined
}

/** Whether a text is the key of a storage account: 64 bytes in base64. */
export const isStorageKey = (text: string): boolean => /^[A-Za-z0-9+/]{86}==$/.test(text)
