import type { Harness, SubjectName } from './harness.ts'

/** How much work a round does. */
export interface Effort {
  /** Multiplies calls and times; 1 for figures, far less for a smoke run. */
  scale: number
}

/** One row of the table: the same work for several servers, in turn, round by round. */
export interface Workload {
  name: string
  unit: string
  /** The least that any server needs for this work. */
  floor: SubjectName
  service: SubjectName
  peer?: SubjectName
  /** The target for the service. */
  target?: string
  /** Unmeasured rounds that let code be compiled and pools fill. */
  warmUps: number
  /** The value of one round and server. */
  measure(harness: Harness, subject: SubjectName, effort: Effort): Promise<number>
}

/** At least two, since concurrency is part of every workload. */
export function scaled(count: number, { scale }: Effort): number {
  return Math.max(2, Math.round(count * scale))
}
