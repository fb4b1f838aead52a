import { setTimeout as pause } from 'node:timers/promises'
import type { ImageRecord } from '../../../schemas/image-record.ts'
import { ServiceError, serviceError } from '../../errors/errors.ts'
import type { ImageLimits } from '../../imaging/image-probe.ts'
import { LINK_ACCESS, type LibraryAccess } from '../access.ts'
import { newImageId } from '../image-id.ts'
import type { Library } from '../library.ts'
import { type IncomingBody, readIncomingImage } from './incoming-image.ts'
import { createUploadTokens, type UploadTicket } from './upload-tokens.ts'

/** Milliseconds that an upload address is valid. */
const TICKET_TTL_MS = 900_000
/** Revoked addresses that are known, the newest ones; they expire by themselves. */
const MAX_REVOKED = 10_000
/** Milliseconds between looks for an image. */
const LOOK_EVERY_MS = 500
/** Addresses that one caller may have open in this process. */
const MAX_OPEN_UPLOADS = 10
/** Callers whose addresses are counted; a list of more is emptied of what has expired. */
const MAX_CALLERS = 1_000

/**
 * One-time addresses to which clients send images. An address holds the id of its image, and the record of that image says
 * that it has been used, so that replicas need no other memory of it.
 */
export interface Uploads {
  /** @throws ServiceError `IMG_ERR_UPLOADS_OPEN` */
  request(
    owner: string,
    purpose: UploadTicket['purpose'],
    traits?: Pick<UploadTicket, 'isForOwner'>,
  ): { ticket: UploadTicket; token: string }
  /**
   * The ticket of an address that can be used now.
   * @throws ServiceError `IMG_ERR_UPLOAD`, `IMG_ERR_UPLOAD_USED`, `IMG_ERR_UPLOAD_RUNNING`
   */
  open(token: string): Promise<UploadTicket>
  /** Ends an address that its caller will not use, unless an image is arriving at it. Other replicas do not know of it. */
  revoke(token: string): void
  /**
   * Stores the image. If that fails the address can be used again.
   * @throws ServiceError what is wrong with the image, `IMG_ERR_UPLOAD_…`, `IMG_ERR_STORE_…`, and the signal's reason
   */
  receive(ticket: UploadTicket, body: IncomingBody, signal: AbortSignal): Promise<ImageRecord>
  /** Waits a while for the image of an address, to whichever replica it is sent. Undefined: it has not come yet. */
  arrived(id: string, waiting: WaitingCall): Promise<ImageRecord | undefined>
}

interface WaitingCall {
  access: LibraryAccess
  signal: AbortSignal
  /** On the clock of `performance.now()`. */
  deadlineAt: number
}

export interface UploadsOptions {
  library: Pick<Library, 'get' | 'addUpload'>
  limits: ImageLimits
  /** Of 32 bytes. */
  key: Buffer
  /** Milliseconds that a call waits for an image. */
  waitMs: number
  /** Milliseconds since 1970. */
  now?: () => number
}

export function createUploads({ library, limits, key, waitMs, now = Date.now }: UploadsOptions): Uploads {
  const tokens = createUploadTokens(key)
  const openTickets = createOpenTickets(now)
  const running = new Set<string>()
  const revoked = new Set<string>()

  async function find(id: string, access: LibraryAccess): Promise<ImageRecord | undefined> {
    return await library.get(id, access).catch((error: unknown) => {
      if (error instanceof ServiceError && error.code === 'IMG_ERR_IMAGE_ID') return undefined
      throw error
    })
  }

  const isUsed = async (id: string) => (await find(id, LINK_ACCESS)) !== undefined

  return {
    request(owner, purpose, traits = {}) {
      const ticket = { id: newImageId(now()), owner, purpose, endsAt: now() + TICKET_TTL_MS, ...traits }
      openTickets.add(ticket)
      return { ticket, token: tokens.encode(ticket) }
    },
    async open(token) {
      const ticket = tokens.decode(token)
      if (ticket === undefined || ticket.endsAt <= now() || revoked.has(ticket.id))
        throw serviceError('IMG_ERR_UPLOAD', [])
      if (running.has(ticket.id)) throw serviceError('IMG_ERR_UPLOAD_RUNNING', [])
      if (await isUsed(ticket.id)) throw serviceError('IMG_ERR_UPLOAD_USED', [])
      return ticket
    },
    revoke(token) {
      const ticket = tokens.decode(token)
      if (ticket === undefined || running.has(ticket.id)) return
      openTickets.remove(ticket)
      const [oldest] = revoked.size < MAX_REVOKED ? [] : revoked
      if (oldest !== undefined) revoked.delete(oldest)
      revoked.add(ticket.id)
    },
    async receive(ticket, body, signal) {
      const { id, owner, purpose } = ticket
      // Since the address was opened.
      if (revoked.has(id)) throw serviceError('IMG_ERR_UPLOAD', [])
      if (running.has(id)) throw serviceError('IMG_ERR_UPLOAD_RUNNING', [])
      running.add(id)
      try {
        const record = await library.addUpload(id, await readIncomingImage(body, purpose, limits), owner, signal)
        openTickets.remove(ticket)
        return record
      } catch (error) {
        signal.throwIfAborted()
        // Another replica was faster.
        const isTaken = error instanceof ServiceError && error.code === 'IMG_ERR_UPLOAD_RUNNING'
        throw isTaken && (await isUsed(id)) ? serviceError('IMG_ERR_UPLOAD_USED', [], { cause: error }) : error
      } finally {
        running.delete(id)
      }
    },
    async arrived(id, { access, signal, deadlineAt }) {
      const end = Math.min(performance.now() + waitMs, deadlineAt)
      for (;;) {
        const record = await find(id, access)
        if (record !== undefined || performance.now() >= end) return record
        await pause(LOOK_EVERY_MS, undefined, { signal })
      }
    },
  }
}

/** Counts the addresses of each caller that can still be used. */
function createOpenTickets(now: () => number) {
  const byOwner = new Map<string, Map<string, number>>()

  function openOf(owner: string): Map<string, number> {
    const ends = byOwner.get(owner) ?? new Map<string, number>()
    for (const [id, endsAt] of ends) if (endsAt <= now()) ends.delete(id)
    if (ends.size === 0) byOwner.delete(owner)
    return ends
  }

  return {
    add({ id, owner, endsAt }: UploadTicket): void {
      const open = openOf(owner)
      if (open.size >= MAX_OPEN_UPLOADS) {
        const seconds = Math.ceil((Math.min(...open.values()) - now()) / 1000)
        throw serviceError('IMG_ERR_UPLOADS_OPEN', [MAX_OPEN_UPLOADS, seconds], { retryAfterMs: seconds * 1000 })
      }
      if (byOwner.size >= MAX_CALLERS) for (const other of [...byOwner.keys()]) openOf(other)
      byOwner.set(owner, open.set(id, endsAt))
    },
    remove({ id, owner }: UploadTicket): void {
      byOwner.get(owner)?.delete(id)
    },
  }
}
