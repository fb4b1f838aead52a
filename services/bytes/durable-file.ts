import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/**
 * Writes that survive a power failure. Node's permission model, under which the container runs, denies fsync and
 * fdatasync (https://nodejs.org/api/permissions.html), so each write waits for the disk itself: what was written to a
 * file opened with `durableFlags` is on the disk once the last write has returned.
 */

/** Flags to create a file that must not exist yet and whose writes wait for the disk. */
export const durableFlags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0) | (constants.O_DSYNC ?? 0)

/** Flags to change an existing file, with the same waiting. */
export const durableUpdateFlags = constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DSYNC ?? 0)

/** To be called after the last write; does something only where the system has no `O_DSYNC` (Windows). */
export async function waitForDisk(file: FileHandle): Promise<void> {
  if (constants.O_DSYNC === undefined) await file.sync()
}

/** Writes all of `bytes`, at `position` or at the file's own position, however many calls the system needs for it. */
export async function writeAll(file: FileHandle, bytes: Buffer, position?: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const place = position === undefined ? null : position + at
    at += (await file.write(bytes, at, bytes.length - at, place)).bytesWritten
  }
}

/** Names of temporary files. They begin with a dot, so that they are never listed as images. */
export const temporaryNamePattern = /^\.[0-9a-f]{32}\.tmp$/

export function temporaryName(): string {
  return `.${randomBytes(16).toString('hex')}.tmp`
}

/** Milliseconds after which a temporary file has no writer any more. Replicas share folders, so a younger one may have. */
export const TEMPORARY_STALE_MS = 3_600_000
