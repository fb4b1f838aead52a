import { setPriority } from 'node:os'

/** Puts a process or thread before others on this machine, by a nice value below zero, if that is allowed: only root may. */
export function raisePriority(id: number, by: number): void {
  try {
    setPriority(id, -by)
  } catch {
    // Then what else the machine does shows in times, though hardly in processor time.
  }
}
