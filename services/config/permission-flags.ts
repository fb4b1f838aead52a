import { codeOf } from '../errors/error-code.ts'

/** Whether the process runs under permission flags, as in the container image. */
export const isConfined = (): boolean => process.execArgv.includes('--permission')

/** How to make the mounted folders writable for the container's user. */
const CHOWN = 'for the container: sudo chown 1000:1000 images logs'

/** What to do about a folder that cannot be written. */
export function unwritableHint(error: unknown): string {
  return isDenied(error) ? deniedHint('write') : (hints[codeOf(error)] ?? CHOWN)
}

const BLOCKED =
  'a file, or a link that leads nowhere, stands where the folder should be; remove it or set another folder'

/** Where another owner would change nothing. */
const hints: Readonly<Record<string, string>> = {
  ENOTDIR: BLOCKED,
  EEXIST: BLOCKED,
  ENOENT: BLOCKED,
  ELOOP: BLOCKED,
  EROFS: 'the file system is mounted read-only; mount a volume there that can be written',
  ENOSPC: 'the disk is full; make room',
  EDQUOT: 'the quota of the disk is used up; make room',
}

/** Why a file cannot be read: a system code, or what the permission flags allow. */
export const unreadableReason = (error: unknown): string =>
  isDenied(error) ? deniedHint('read') : codeOf(error) || 'error'

const isDenied = (error: unknown) => codeOf(error) === 'ERR_ACCESS_DENIED'

/** Node's permission flags deny it, as the container image sets them: changing the owner of a file does not help. */
function deniedHint(access: 'read' | 'write'): string {
  const flag = `--allow-fs-${access}=`
  const allowed = process.execArgv
    .filter((argument) => argument.startsWith(flag))
    .map((argument) => argument.slice(flag.length).replace(/\/\*$/, '') || '/')
  return (
    `Node's permission flags of the image allow ${access === 'write' ? 'writing' : 'reading'} only ` +
    `${[...new Set(allowed)].join(', ') || 'nothing'}; they are set from IMAGES_DIR, STATE_DIR, LOG_DIR and <NAME>_FILE ` +
    "in the container's environment, not in a file that the service reads"
  )
}
