import { setPriority } from 'node:os'

/** Raises the priority of a process or thread; only root may. */
export function raisePriority(id: number, by: number): void {
  try {
    setPriority(id, -by)
  } catch {
    // Without it, other load on the machine shows in latencies, though hardly in processor time.
  }
}
