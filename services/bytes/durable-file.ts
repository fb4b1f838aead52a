import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'

/**
 * Writes that survive a power cut. Node's permission model denies fsync and fdatasync, under which the container runs
 * (https://nodejs.org/api/permissions.html), so each write waits for the disk itself: a file opened with
 * `durableFlags` is on the disk once its last write has returned.
 */

/** Flags to create a file that must not exist yet and whose writes wait for the disk. */
export const durableFlags =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0) | (constants.O_DSYNC ?? 0)

/** Flags to change a file that is there, with the same waiting. */
export const durableUpdateFlags = constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_DSYNC ?? 0)

/** To be called after the last write; does something only where the system has no `O_DSYNC` (Windows). */
export async function waitForDisk(file: FileHandle): Promise<void> {
  if (constants.O_DSYNC === undefined) await file.sync()
}

/** Writes all of `bytes`, at `position` or where the file stands, however many calls the system needs for it. */
export async function writeAll(file: FileHandle, bytes: Buffer, position?: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const place = position === undefined ? null : position + at
    at += (await file.write(bytes, at, bytes.length - at, place)).bytesWritten
  }
}
